using System.Text;
using MoA.Engine.Files;

namespace MoA.Engine.Hub;

/// <summary>
/// The folder in which Hugging Face's tools keep models, as huggingface_hub lays it out: <c>models--org--name</c> with
/// <c>blobs</c> (contents by hash), <c>snapshots/COMMIT</c> (links to them by name) and <c>refs</c> (branches and tags to
/// commits). Models are read in place.
/// </summary>
/// <param name="folder">The folder.</param>
internal sealed class HubCache(string folder)
{
    private const string RepositoryPrefix = "models--";
    private const string SnapshotsFolder = "snapshots";
    private const string RefsFolder = "refs";
    private const int LeastHash = 4;
    private const int LongestRef = 1024;
    private const int MostNamed = 6;

    private static readonly EnumerationOptions Below = new() { RecurseSubdirectories = true, MaxRecursionDepth = 8, AttributesToSkip = 0 };

    /// <summary>The folder.</summary>
    public string Folder { get; } = folder;

    /// <summary>The name of a repository whose snapshot a folder is; null if it is none.</summary>
    public static string? RepositoryOf(string snapshot)
    {
        DirectoryInfo place = new(Path.TrimEndingDirectorySeparator(Path.GetFullPath(snapshot)));
        return place.Parent is { Name: SnapshotsFolder, Parent.Name: string repository } ? RepositoryName(repository) : null;
    }

    /// <summary>Whether a text is the hash of a commit.</summary>
    public static bool IsCommit(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return text.Length is 40 or 64 && IsHash(text);
    }

    /// <summary>
    /// The path of a model: the text itself if something is there, else what the cache has under this name. What is no name is
    /// given back as it is.
    /// </summary>
    /// <param name="text">A path, or <c>org/name[@revision][:file]</c>.</param>
    /// <exception cref="InvalidInputException">The cache lacks it; the message says how to get it.</exception>
    public string Resolve(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (File.Exists(text) || Directory.Exists(text) || HubName.TryParse(text) is not HubName name)
            return text;
        bool isLikePath = !name.Repository.Contains('/', StringComparison.Ordinal) ||
            name.Repository.EndsWith(ModelPath.GgufExtension, StringComparison.OrdinalIgnoreCase);
        return isLikePath && !Directory.Exists(RepositoryFolder(name.Repository)) ? text : Find(name);
    }

    /// <summary>The path of a model in the cache: its folder, or its GGUF file (of several parts the first).</summary>
    /// <exception cref="InvalidInputException">It is not there or not whole, or there are several.</exception>
    public string Find(HubName name)
    {
        ArgumentNullException.ThrowIfNull(name);
        string repository = RepositoryFolder(name.Repository);
        if (!Directory.Exists(repository))
            throw Missing(name, $"there is no such file or folder, and {Folder} has no model of this name");
        string snapshot = Path.Combine(repository, SnapshotsFolder, FindCommit(name));
        if (!Directory.Exists(snapshot))
            throw Missing(name, $"{Folder} has nothing of this revision");
        if (name.File is null && IsFolderModel(snapshot))
            return snapshot;
        string[] files = FilesOf(snapshot);
        if (name.File is string file && files.Contains(file) && !file.EndsWith(ModelPath.GgufExtension, StringComparison.OrdinalIgnoreCase))
            throw new InvalidInputException($"{name}: {file} is no model; expected a {ModelPath.GgufExtension} file, or {name with { File = null }} for the whole");
        return GgufChoice.Choose(name, files, $" in {Folder}; to get it: moa model pull {name}") is [string first, ..]
            ? HubFileName.Below(snapshot, first)
            : throw Missing(name, $"{Folder} has only a part of it, without weights");
    }

    /// <summary>The models that are there, by name.</summary>
    public IReadOnlyList<CachedModel> List()
    {
        if (!Directory.Exists(Folder))
            return [];
        return [.. Directory.EnumerateDirectories(Folder, RepositoryPrefix + "*").Select(Read).OfType<CachedModel>()
            .OrderBy(model => model.Repository, StringComparer.Ordinal)];
    }

    /// <summary>The folder of a repository.</summary>
    internal string RepositoryFolder(string repository) =>
        Path.Combine(Folder, RepositoryPrefix + repository.Replace("/", "--", StringComparison.Ordinal));

    /// <summary>The file that says which commit a revision is.</summary>
    internal static string RefFile(string repositoryFolder, string revision) =>
        HubFileName.Below(Path.Combine(repositoryFolder, RefsFolder), revision);

    /// <summary>The folder of a commit's files.</summary>
    internal static string SnapshotFolder(string repositoryFolder, string commit) => Path.Combine(repositoryFolder, SnapshotsFolder, commit);

    private static string? RepositoryName(string folderName) => folderName.StartsWith(RepositoryPrefix, StringComparison.Ordinal)
        ? folderName[RepositoryPrefix.Length..].Replace("--", "/", StringComparison.Ordinal)
        : null;

    private static bool IsHash(string text) => text.All(char.IsAsciiHexDigitLower);

    private static bool IsFolderModel(string snapshot) => IsThere(Path.Combine(snapshot, ModelPath.ConfigFile)) &&
        ModelPath.WeightFiles.Any(layout => IsThere(Path.Combine(snapshot, layout.Single)) || IsThere(Path.Combine(snapshot, layout.Index)));

    // Links whose contents are gone do not count.
    private static bool IsThere(string file) =>
        new FileInfo(file) is { Exists: true } link && (link.LinkTarget is null || link.ResolveLinkTarget(returnFinalTarget: true)?.Exists == true);

    private static string[] FilesOf(string snapshot) =>
    [
        .. Directory.EnumerateFiles(snapshot, "*", Below).Where(IsThere)
            .Select(file => Path.GetRelativePath(snapshot, file).Replace(Path.DirectorySeparatorChar, '/')).Where(HubFileName.IsSafe),
    ];

    private static string[] Commits(string repository)
    {
        string snapshots = Path.Combine(repository, SnapshotsFolder);
        return Directory.Exists(snapshots)
            ? [.. Directory.EnumerateDirectories(snapshots).Select(folder => Path.GetFileName(folder)).Where(IsCommit).Order(StringComparer.Ordinal)]
            : [];
    }

    private string FindCommit(HubName name)
    {
        string repository = RepositoryFolder(name.Repository), revision = name.RevisionOrDefault, file = RefFile(repository, revision);
        if (File.Exists(file))
        {
            string commit = Encoding.UTF8.GetString(InputFile.ReadBytes(file, longest: LongestRef)).Trim();
            return IsCommit(commit) ? commit : throw InputFile.Error(file, $"\"{InputFile.Cut(commit)}\" is no commit; expected 40 hexadecimal digits");
        }

        string[] commits = Commits(repository);
        string start = revision.ToLowerInvariant();
        string[] found = start.Length >= LeastHash && IsHash(start) ? [.. commits.Where(commit => commit.StartsWith(start, StringComparison.Ordinal))] : [];
        return found.Length switch
        {
            1 => found[0],
            0 when commits.Length == 0 => throw Missing(name, $"{Folder} has only a part of it"),
            0 => throw Missing(name, $"{Folder} has no revision {revision} of it, but {string.Join(", ", commits.Take(MostNamed).Select(commit => commit[..12]))}"),
            _ => throw new InvalidInputException($"{name}: {found.Length} commits in {Folder} start with {revision}; give more digits"),
        };
    }

    private static InvalidInputException Missing(HubName name, string problem) => new($"{name}: {problem}; to get it: moa model pull {name}");

    private static CachedModel? Read(string folder)
    {
        if (RepositoryName(Path.GetFileName(folder)) is not string repository || HubName.TryParse(repository) is null || Commits(folder) is not { Length: > 0 } commits)
            return null;
        string refs = Path.Combine(folder, RefsFolder);
        ILookup<string, string> names = (Directory.Exists(refs) ? Directory.GetFiles(refs, "*", Below) : [])
            .Where(file => new FileInfo(file).Length <= LongestRef)
            .ToLookup(file => File.ReadAllText(file).Trim(), file => Path.GetRelativePath(refs, file).Replace(Path.DirectorySeparatorChar, '/'));
        return new CachedModel(repository, [.. commits.Select(commit => Snapshot(SnapshotFolder(folder, commit), commit, [.. names[commit].Order(StringComparer.Ordinal)]))]);
    }

    private static CachedSnapshot Snapshot(string folder, string commit, string[] revisions)
    {
        string[] files = FilesOf(folder);
        return new CachedSnapshot(
            commit, revisions, files.Length, files.Sum(file => LengthOf(HubFileName.Below(folder, file))), IsFolderModel(folder),
            [.. files.Where(file => file.EndsWith(ModelPath.GgufExtension, StringComparison.OrdinalIgnoreCase)).Order(StringComparer.Ordinal)]);
    }

    // Of what a link points to.
    private static long LengthOf(string file)
    {
        using FileStream content = InputFile.Open(file);
        return content.Length;
    }
}
