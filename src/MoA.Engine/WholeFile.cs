using System.Text;
using Microsoft.Win32.SafeHandles;
using MoA.Engine.Numerics;

namespace MoA.Engine;

/// <summary>
/// Files that are never seen half written, whatever ends the program or the machine: the content goes to a neighbour, which takes
/// the name once all of it is on disk.
/// </summary>
internal static unsafe class WholeFile
{
    private const string Unfinished = ".tmp";
    private const int ReadOnly = 0; // O_RDONLY

    /// <summary>Writes a file and makes its folder if there is none; an existing file is replaced at the end.</summary>
    /// <param name="path">The file.</param>
    /// <param name="write">Writes the content.</param>
    /// <param name="ownerOnly">Whether nobody but its owner may read or write the file, from its first byte on; on Windows its folder decides.</param>
    /// <exception cref="InvalidInputException">No file can be made there.</exception>
    /// <exception cref="IOException">Writing failed on the way, as on a full disk; nothing was left.</exception>
    public static void Write(string path, Action<Stream> write, bool ownerOnly = false)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(write);
        string unfinished = $"{path}.{Guid.NewGuid():N}{Unfinished}";
        try
        {
            using (UnfinishedFile content = new(Create(path, unfinished, ownerOnly)))
            {
                write(content);
                content.FlushToDisk();
            }

            File.Move(unfinished, path, overwrite: true);
            FlushFolderOf(path);
            RemoveUnfinished(path);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
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

    /// <summary>
    /// Removes what programs that were killed while they wrote the file left beside it; each later writing of the file does that too.
    /// </summary>
    /// <param name="path">The file.</param>
    public static void RemoveUnfinished(string path)
    {
        string folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        string start = Path.GetFileName(path) + ".";
        foreach (string file in Directory.EnumerateFiles(folder, start + "*" + Unfinished))
        {
            // Only names that this class gives: others like it are somebody's.
            if (Guid.TryParseExact(Path.GetFileName(file)[start.Length..^Unfinished.Length], "N", out _))
                DeleteIfNobodyWrites(file);
        }
    }

    /// <summary>
    /// Brings a file's name itself to disk: without it a new file may be gone after a power cut, however well its content was
    /// flushed. Windows does that by itself.
    /// </summary>
    /// <exception cref="IOException">The disk fails.</exception>
    public static void FlushFolderOf(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        var open = (delegate* unmanaged<byte*, int, int>)CLibrary.Find("open");
        if (open is null)
            return;
        fixed (byte* folder = Encoding.UTF8.GetBytes(Path.GetDirectoryName(Path.GetFullPath(path)) + "\0"))
        {
            // A folder that may be written but not read cannot be flushed.
            using SafeFileHandle handle = new(open(folder, ReadOnly), ownsHandle: true);
            if (!handle.IsInvalid)
                RandomAccess.FlushToDisk(handle);
        }
    }

    private static FileStream Create(string path, string unfinished, bool ownerOnly)
    {
        try
        {
            if (Directory.Exists(path))
                throw new IOException("it is a folder");
            if (Path.GetDirectoryName(path) is { Length: > 0 } folder)
                _ = Directory.CreateDirectory(folder);
            FileStreamOptions options = new() { Mode = FileMode.CreateNew, Access = FileAccess.Write, Share = FileShare.None, BufferSize = 1 << 16 };
            if (ownerOnly && !OperatingSystem.IsWindows())
                options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
            return new FileStream(unfinished, options);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw new InvalidInputException($"{path}: cannot be written ({OneLine(failure)}); choose another place", failure);
        }
    }

    private static string OneLine(Exception failure) => failure.Message.ReplaceLineEndings(" ").TrimEnd('.');

    // Who writes a file holds it alone.
    private static void DeleteIfNobodyWrites(string path)
    {
        try
        {
            new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.None, 1, FileOptions.DeleteOnClose).Dispose();
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            // Written by somebody, gone already, or not ours.
        }
    }

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
