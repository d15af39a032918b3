namespace MoA.Engine.Numerics;

/// <summary>A block of aligned native memory, freed on <see cref="Dispose"/> or by the finaliser.</summary>
/// <typeparam name="T">Element type.</typeparam>
internal sealed unsafe class NativeBuffer<T> : IDisposable
    where T : unmanaged
{
    private readonly NativeAllocator _allocator;
    private T* _pointer;

    /// <summary>Allocates <paramref name="length"/> elements, not cleared.</summary>
    /// <param name="allocator">Counts the bytes.</param>
    /// <param name="length">Elements.</param>
    /// <param name="spread">Whether all threads read them (<see cref="NativeAllocator.Allocate"/>).</param>
    /// <exception cref="ArgumentOutOfRangeException">The length is negative.</exception>
    /// <exception cref="OutOfMemoryException">The memory is not to be had.</exception>
    public NativeBuffer(NativeAllocator allocator, long length, bool spread = false)
    {
        ArgumentNullException.ThrowIfNull(allocator);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        _allocator = allocator;
        Length = length;
        _pointer = (T*)allocator.Allocate((nuint)Bytes, spread);
    }

    /// <summary>Frees a buffer that its owner forgot.</summary>
    ~NativeBuffer() => Free();

    /// <summary>Number of elements.</summary>
    public long Length { get; }

    /// <summary>Number of bytes.</summary>
    public long Bytes => Length * sizeof(T);

    /// <summary>The first element. Valid until the buffer is disposed.</summary>
    public T* Data => _pointer;

    /// <summary>The elements from <paramref name="start"/> on as a span.</summary>
    public Span<T> AsSpan(long start, int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(start + count, Length);
        return new Span<T>(_pointer + start, count);
    }

    /// <summary>Sets every byte to zero.</summary>
    public void Clear() => System.Runtime.InteropServices.NativeMemory.Clear(_pointer, (nuint)Bytes);

    /// <inheritdoc/>
    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    private void Free()
    {
        if (_pointer is null)
            return;
        _allocator.Free(_pointer, (nuint)Bytes);
        _pointer = null;
    }
}
