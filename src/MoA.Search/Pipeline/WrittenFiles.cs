using System.Security.Cryptography;
using System.Text;
using MoA.Engine;

namespace MoA.Search.Pipeline;

/// <summary>
/// The files of a folder that this program wrote, by name and hash: only these may be replaced or removed by a later run, and
/// one that was changed since is its owner's. The list stands in the folder, in the format of <c>sha256sum</c>.
/// </summary>
internal sealed class WrittenFiles
{
    /// <summary>Name of the list.</summary>
    public const string ListName = "moa-files.sha256";

    private readonly string _folder;
    private readonly HashSet<(string Name, string Hash)> _files = [];

    private WrittenFiles(string folder) => _folder = folder;

    private string ListPath => Path.Combine(_folder, ListName);

    /// <summary>Reads the list of a folder; empty where there is none, or none that can be read.</summary>
    public static WrittenFiles Open(string folder)
    {
        WrittenFiles written = new(folder);
        try
        {
            foreach (string line in File.Exists(written.ListPath) ? File.ReadAllLines(written.ListPath) : [])
            {
                if (line.Split("  ", 2) is [string hash, string name] && name == Path.GetFileName(name))
                    _ = written._files.Add((name, hash));
            }
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            // Without a list every file is its owner's: none is touched.
        }

        return written;
    }

    /// <summary>Whether a name is free: nothing has it, or a file that this program wrote and nobody changed.</summary>
    public bool IsFree(string name) => !Path.Exists(Path.Combine(_folder, name)) || IsOwn(name);

    /// <summary>Writes files under free names; once all stand, the others of the list go.</summary>
    /// <exception cref="InvalidInputException">No file can be made there.</exception>
    /// <exception cref="IOException">Writing failed on the way, as on a full disk; the earlier files stand.</exception>
    public void Replace(IReadOnlyList<(string Name, byte[] Content)> files)
    {
        (string Name, string Hash)[] written =
            [.. files.Select(file => (file.Name, Convert.ToHexStringLower(SHA256.HashData(file.Content))))];
        string[] old = [.. _files.Select(file => file.Name).Except(files.Select(file => file.Name))];
        // Both generations are listed before anything changes, so that a run that is cut short leaves no file without owner.
        _files.UnionWith(written);
        SaveList();
        foreach ((string name, byte[] content) in files)
            WholeFile.Write(Path.Combine(_folder, name), stream => stream.Write(content));
        foreach (string name in old.Where(IsOwn))
            File.Delete(Path.Combine(_folder, name));
        _files.Clear();
        _files.UnionWith(written);
        SaveList();
    }

    private bool IsOwn(string name)
    {
        if (!_files.Any(file => file.Name == name))
            return false;
        try
        {
            return _files.Contains((name, Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(Path.Combine(_folder, name))))));
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    private void SaveList()
    {
        StringBuilder text = new();
        foreach ((string name, string hash) in _files.Order())
            _ = text.Append(hash).Append("  ").Append(name).Append('\n');
        WholeFile.WriteText(ListPath, text.ToString());
    }
}
