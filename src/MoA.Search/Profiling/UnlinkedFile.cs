using Microsoft.Win32.SafeHandles;
using MoA.Engine.Files;

namespace MoA.Search.Profiling;

/// <summary>
/// A temporary file without a name: it takes up space only as long as the process lives, however that ends. Elsewhere
/// than on Windows the name goes as soon as the file is open; Windows deletes the file with its last handle.
/// </summary>
internal sealed class UnlinkedFile : IDisposable
{
    private readonly string _folder;
    private readonly SafeFileHandle _handle;

    /// <summary>Makes the file, empty.</summary>
    /// <param name="folder">An existing folder on the disk that is to hold it.</param>
    /// <exception cref="Engine.InvalidInputException">No file can be made there.</exception>
    public UnlinkedFile(string folder)
    {
        _folder = folder;
        string path = Path.Combine(folder, $"layers.{Guid.NewGuid():N}.tmp");
        try
        {
            FileOptions options = OperatingSystem.IsWindows() ? FileOptions.DeleteOnClose : FileOptions.None;
            _handle = File.OpenHandle(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, options);
            if (!OperatingSystem.IsWindows())
                File.Delete(path);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            _handle?.Dispose();
            throw InputFile.Error(folder, $"no temporary file can be made here: {failure.Message}", failure);
        }
    }

    /// <summary>Writes bytes from a position on.</summary>
    /// <exception cref="IOException">The disk is full or fails.</exception>
    public void Write(ReadOnlySpan<byte> bytes, long position)
    {
        try
        {
            RandomAccess.Write(_handle, bytes, position);
        }
        catch (Exception failure) when (failure is IOException or ArgumentOutOfRangeException) // the latter beyond a size limit
        {
            throw new IOException(
                $"{_folder}: the temporary file of the layers' inputs cannot be written at {position} ({failure.Message}); "
                + "free some of the disk, or allow more memory", failure);
        }
    }

    /// <summary>Reads back what was written.</summary>
    /// <exception cref="IOException">The disk fails.</exception>
    public void Read(Span<byte> bytes, long position)
    {
        while (!bytes.IsEmpty)
        {
            int count = RandomAccess.Read(_handle, bytes, position);
            if (count == 0)
                throw new IOException($"{_folder}: the temporary file of the layers' inputs ends at {position}");
            bytes = bytes[count..];
            position += count;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _handle.Dispose();
}
