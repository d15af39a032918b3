using System.IO.MemoryMappedFiles;

namespace MoA.Engine.Files;

/// <summary>A whole file mapped into memory for reading. The file must not be cut short while mapped.</summary>
internal sealed unsafe class MappedFile : IDisposable
{
    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _view;
    private bool _disposed;

    private MappedFile(FileStream file)
    {
        Length = file.Length;
        _file = MemoryMappedFile.CreateFromFile(
            file, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: false);
        try
        {
            _view = _file.CreateViewAccessor(0, 0, MemoryMappedFileAccess.Read);
        }
        catch
        {
            _file.Dispose();
            throw;
        }

        byte* start = null;
        _view.SafeMemoryMappedViewHandle.AcquirePointer(ref start);
        Data = start + _view.PointerOffset;
    }

    /// <summary>The first byte.</summary>
    public byte* Data { get; }

    /// <summary>Bytes of the file.</summary>
    public long Length { get; }

    /// <summary>Maps a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="leastBytes">How long a file of its kind is at least; above 0.</param>
    /// <param name="kind">What the file should be, for messages: "a GGUF file".</param>
    /// <exception cref="InvalidInputException">It cannot be read or is too short.</exception>
    public static MappedFile Open(string path, int leastBytes, string kind)
    {
        FileStream file = InputFile.Open(path);
        try
        {
            if (!file.CanSeek)
                throw InputFile.Error(path, "has no length; expected a file, not a pipe or a device");
            if (file.Length < leastBytes)
                throw InputFile.Error(path, $"truncated: has {file.Length} bytes, {kind} at least {leastBytes}");
            return new MappedFile(file);
        }
        catch (Exception e)
        {
            file.Dispose();
            if (e is IOException or UnauthorizedAccessException)
                throw InputFile.Error(path, $"cannot be mapped into memory ({e.Message.TrimEnd('.')})", e);
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_disposed)
            return;
        _disposed = true;
        _view.SafeMemoryMappedViewHandle.ReleasePointer();
        _view.Dispose();
        _file.Dispose();
    }
}
