using ILGPU;

namespace MoA.Gpu.Device;

/// <summary>
/// A list that is made on the processor and copied to the device as a whole. Reused without allocating once it has grown to size.
/// </summary>
internal sealed class DeviceList<T>(DeviceMemory memory) : IDisposable
    where T : unmanaged
{
    private T[] _elements = new T[16];
    private DeviceBuffer<T>? _buffer;

    public int Count { get; private set; }

    /// <summary>The elements on the device, as last copied.</summary>
    public ArrayView<T> View => _buffer is null ? default : _buffer.View.SubView(0, Count);

    /// <summary>Starts anew.</summary>
    public void Clear() => Count = 0;

    public void Add(in T element)
    {
        if (Count == _elements.Length)
            Array.Resize(ref _elements, 2 * Count);
        _elements[Count++] = element;
    }

    /// <summary>Makes some elements the list and copies it to the device.</summary>
    public ArrayView<T> Upload(ReadOnlySpan<T> elements)
    {
        if (_elements.Length < elements.Length)
            _elements = new T[Math.Max(elements.Length, 2 * _elements.Length)];
        elements.CopyTo(_elements);
        Count = elements.Length;
        Upload();
        return View;
    }

    /// <summary>Copies the list to the device.</summary>
    public void Upload()
    {
        if (Count == 0)
            return;
        if (_buffer is null || _buffer.View.Length < Count)
        {
            _buffer?.Dispose();
            _buffer = null;
            _buffer = memory.Allocate<T>(_elements.Length);
        }

        _buffer.Write(_elements.AsSpan(0, Count));
    }

    public void Dispose() => _buffer?.Dispose();
}
