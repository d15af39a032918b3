using System.Text;

namespace MoA.Engine;

/// <summary>Files that are never seen half written: the content goes to a neighbour, which then takes the name.</summary>
public static class WholeFile
{
    private const string Unfinished = ".tmp";

    /// <summary>Writes a file and makes its folder if there is none; an existing file is replaced at the end.</summary>
    /// <param name="path">The file.</param>
    /// <param name="write">Writes the content.</param>
    /// <exception cref="InvalidInputException">No file can be made there.</exception>
    /// <exception cref="IOException">Writing failed on the way, as on a full disk; nothing was left.</exception>
    public static void Write(string path, Action<Stream> write)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(write);
        string unfinished = $"{path}.{Guid.NewGuid():N}{Unfinished}";
        try
        {
            using (FileStream file = Create(path, unfinished))
                write(file);
            File.Move(unfinished, path, overwrite: true);
        }
        catch (Exception failure) when (failure is IOException or ArgumentOutOfRangeException) // the latter beyond a size limit
        {
            throw new IOException($"{path}: cannot be written to its end ({OneLine(failure)})", failure);
        }
        finally
        {
            DeleteIfThere(unfinished);
        }
    }

    /// <summary>Writes a file of UTF-8 text without a byte order mark; otherwise as <see cref="Write"/>.</summary>
    /// <exception cref="InvalidInputException">No file can be made there.</exception>
    /// <exception cref="IOException">Writing failed on the way, as on a full disk; nothing was left.</exception>
    public static void WriteText(string path, string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        Write(path, file => file.Write(Encoding.UTF8.GetBytes(text)));
    }

    /// <summary>Removes what programs that were killed while they wrote the file left beside it.</summary>
    /// <param name="path">The file.</param>
    public static void RemoveUnfinished(string path)
    {
        string folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        string start = Path.GetFileName(path) + ".";
        foreach (string file in Directory.EnumerateFiles(folder, start + "*" + Unfinished))
        {
            // Only names that this class gives: others like it are somebody's.
            if (Guid.TryParseExact(Path.GetFileName(file)[start.Length..^Unfinished.Length], "N", out _))
                DeleteIfThere(file);
        }
    }

    private static FileStream Create(string path, string unfinished)
    {
        try
        {
            if (Directory.Exists(path))
                throw new IOException("it is a folder");
            if (Path.GetDirectoryName(path) is { Length: > 0 } folder)
                _ = Directory.CreateDirectory(folder);
            return new FileStream(unfinished, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1 << 16);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw new InvalidInputException($"{path}: cannot be written ({OneLine(failure)}); choose another place", failure);
        }
    }

    private static string OneLine(Exception failure) => failure.Message.ReplaceLineEndings(" ").TrimEnd('.');

    private static void DeleteIfThere(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            // What happened before matters more than a leftover.
        }
    }
}
