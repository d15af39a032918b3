using System.IO.MemoryMappedFiles;
using System.Runtime.InteropServices;
using MoA.Engine.Numerics;

namespace MoA.Engine.Files;

/// <summary>A whole file mapped into memory for reading. The file must not be cut short while mapped.</summary>
internal sealed unsafe class MappedFile : IDisposable
{
    private const int DontNeed = 4, HugePage = 14, PopulateRead = 22; // MADV_…
    private const int WouldFault = 14; // EFAULT

    private static readonly delegate* unmanaged<void*, nuint, int, int> Advise =
        (delegate* unmanaged<void*, nuint, int, int>)(OperatingSystem.IsLinux() ? CLibrary.Find("madvise") : 0);

    private readonly FileStream _stream;
    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _view;
    private readonly string _path;
    private bool _disposed;

    private MappedFile(string path, FileStream file)
    {
        _path = path;
        _stream = file;
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
        // Before anything is read: Linux (seen at 6.18, ext4) then brings the file into memory in huge pages, a few percent faster to
        // read. What is in memory already stays in the pages it has.
        _ = TryAdvise(Data, Length, HugePage);
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
            return new MappedFile(path, file);
        }
        catch (Exception e)
        {
            file.Dispose();
            if (e is IOException or UnauthorizedAccessException)
                throw InputFile.Error(path, $"cannot be mapped into memory ({e.Message.TrimEnd('.')})", e);
            throw;
        }
    }

    /// <summary>Whether an address is one of the file's.</summary>
    public bool Contains(void* address) => address >= Data && address < Data + Length;

    /// <summary>
    /// Reads bytes of the file into memory and makes them this process's, many pages a call, where the system can. A file that
    /// has been cut short, or a disk that fails, is said here: reading its memory would end the process.
    /// </summary>
    /// <param name="start">An address of the file.</param>
    /// <param name="bytes">Bytes from there, all of the file.</param>
    /// <exception cref="InvalidInputException">The bytes are no longer there.</exception>
    public void Populate(byte* start, long bytes)
    {
        long length = RandomAccess.GetLength(_stream.SafeFileHandle);
        if (length < Length)
            throw InputFile.Error(_path, $"was cut short while it was in use: has {length} bytes, had {Length}; write models beside their place and rename them");
        if (Advise is not null && !TryAdvise(start, bytes, PopulateRead) && Marshal.GetLastSystemError() == WouldFault)
            throw InputFile.Error(_path, "cannot be read where it is mapped; the disk fails, or the file was cut short");
    }

    /// <summary>
    /// Takes bytes that are not needed soon out of this process's memory; the system keeps them for whoever reads the file as long
    /// as it likes. They can be read again at any time.
    /// </summary>
    /// <param name="start">An address of the file.</param>
    /// <param name="bytes">Bytes from there, all of the file.</param>
    public void Release(byte* start, long bytes) => _ = TryAdvise(start, bytes, DontNeed);

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

    // Whole pages, the first and the last too.
    private bool TryAdvise(byte* start, long bytes, int advice)
    {
        byte* page = Data + (start - Data) / Environment.SystemPageSize * Environment.SystemPageSize;
        return Advise is not null && Advise(page, (nuint)(start + bytes - page), advice) == 0;
    }
}
