using System.IO.Compression;
using MoA.Engine;
using MoA.Engine.Files;
using MoA.Engine.Hub;

namespace MoA.Evaluation.Data;

/// <summary>
/// Finds the files of published data sets in a folder or in the Hugging Face cache. Nothing is ever downloaded.
/// </summary>
/// <param name="place">A folder or file that the user named; null for the cache.</param>
/// <param name="repository">The data set's name on Hugging Face, such as <c>THUDM/LongBench</c>.</param>
internal sealed class DataSetFiles(string? place, string repository)
{
    private readonly SortedSet<string> _unreadable = [];

    /// <summary>Finds a file by name: in the folder, in its folder <c>data</c>, or in one of their zip archives.</summary>
    /// <param name="name">The file's name, such as <c>qasper.jsonl</c>.</param>
    /// <exception cref="InvalidInputException">It is nowhere; the message says where to get it and where to put it.</exception>
    public DataFile Find(string name) => TryFind(name) ?? throw Missing(name);

    /// <summary>
    /// The sets of a benchmark to run: those that were named, else those whose files are there, else all, so that the first is missed by name.
    /// </summary>
    /// <param name="sets">The sets that were named, or all that there are.</param>
    /// <param name="named">Whether they were named.</param>
    /// <param name="fileName">The file of a set.</param>
    /// <exception cref="InvalidInputException">The place is one file, and which set it holds cannot be told.</exception>
    public IReadOnlyList<T> Choose<T>(IReadOnlyList<T> sets, bool named, Func<T, string> fileName)
    {
        ArgumentNullException.ThrowIfNull(sets);
        if (!IsOneFile)
            return named || sets.Where(set => TryFind(fileName(set)) is not null).ToArray() is not { Length: > 0 } there ? sets : there;
        T[] own = [.. sets.Where(set => fileName(set) == Path.GetFileName(place))];
        return own.Length == 1 ? own
            : named && sets.Count == 1 ? sets
            : throw new InvalidInputException(
                $"--data {place}: one file holds one data set, and its name does not say which; name that set alone, or give the folder of the files");
    }

    /// <summary>Finds a file by name, or null. Archives of others beside the files do not matter.</summary>
    /// <exception cref="InvalidInputException">The archive that was named is damaged.</exception>
    public DataFile? TryFind(string name)
    {
        if (IsOneFile)
            return new DataFile(place!);
        foreach (string folder in Folders())
        {
            if (File.Exists(Path.Combine(folder, name)))
                return new DataFile(Path.Combine(folder, name));
        }

        foreach (string archive in Archives())
        {
            if (EntryOf(archive, name) is string entry)
                return new DataFile(archive, entry);
        }

        return null;
    }

    private bool IsOneFile => place is not null && File.Exists(place) && !IsArchive(place);

    private IEnumerable<string> Folders()
    {
        IEnumerable<string> roots = place is not null ? [place] : Snapshots();
        foreach (string root in roots.Where(Directory.Exists))
        {
            yield return root;
            foreach (string child in new[] { "data", "LongBench" })
            {
                if (Directory.Exists(Path.Combine(root, child)))
                    yield return Path.Combine(root, child);
            }
        }
    }

    private IEnumerable<string> Archives()
    {
        if (place is not null && IsArchive(place) && File.Exists(place))
            return [place];
        return Folders().SelectMany(folder => Directory.EnumerateFiles(folder, "*.zip").Order(StringComparer.Ordinal));
    }

    /// <summary>The snapshots of the repository in the cache, the one that <c>refs/main</c> names first.</summary>
    private IEnumerable<string> Snapshots()
    {
        string root = Path.Combine(HubSettings.CacheFolderOfEnvironment(), "datasets--" + repository.Replace("/", "--", StringComparison.Ordinal));
        string snapshots = Path.Combine(root, "snapshots"), main = Path.Combine(root, "refs", "main");
        if (!Directory.Exists(snapshots))
            return [];
        string current = File.Exists(main) ? InputFile.ReadText(main).Trim() : "";
        return Directory.EnumerateDirectories(snapshots)
            .OrderBy(folder => Path.GetFileName(folder) == current ? 0 : 1).ThenBy(folder => folder, StringComparer.Ordinal);
    }

    private string? EntryOf(string archive, string name)
    {
        try
        {
            using ZipArchive zip = ZipFile.OpenRead(archive);
            return zip.Entries.FirstOrDefault(entry => entry.Name == name)?.FullName;
        }
        catch (Exception failure) when (failure is IOException or InvalidDataException or UnauthorizedAccessException)
        {
            if (archive == place)
                throw InputFile.Unreadable(archive, failure, "get the archive again");
            _unreadable.Add(archive);
            return null;
        }
    }

    private static bool IsArchive(string path) => path.EndsWith(".zip", StringComparison.OrdinalIgnoreCase);

    private InvalidInputException Missing(string name) => place is not null && !File.Exists(place) && !Directory.Exists(place)
        ? new($"--data {place}: no such file or folder; expected {name} of the data set {repository}")
        : new($"{name} is not in {place ?? HubSettings.CacheFolderOfEnvironment()}; get the data set {repository} from Hugging Face (hf download --repo-type dataset {repository}), "
            + "or put the file, or the zip archive that holds it, into a folder and name that with --data"
            + (_unreadable.Count == 0 ? "" : $"; {string.Join(", ", _unreadable)} cannot be read as an archive"));
}
