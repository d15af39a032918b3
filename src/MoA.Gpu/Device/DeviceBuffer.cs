using ILGPU;
using ILGPU.Runtime;

namespace MoA.Gpu.Device;

/// <summary>Some of a device's memory.</summary>
internal sealed class DeviceBuffer<T> : IDisposable
    where T : unmanaged
{
    private readonly DeviceMemory _memory;
    private readonly MemoryBuffer1D<T, Stride1D.Dense> _buffer;
    private bool _freed;

    public DeviceBuffer(DeviceMemory memory, MemoryBuffer1D<T, Stride1D.Dense> buffer, long length, long bytes)
    {
        _memory = memory;
        _buffer = buffer;
        View = buffer.View.SubView(0, length).AsContiguous();
        Bytes = bytes;
    }

    /// <summary>The elements.</summary>
    public ArrayView<T> View { get; }

    /// <summary>Bytes that were taken.</summary>
    public long Bytes { get; }

    /// <summary>What ILGPU knows of it.</summary>
    public MemoryBuffer Memory => _buffer;

    /// <summary>Where it stands in the device's memory.</summary>
    public nint Address => _buffer.NativePtr;

    /// <summary>Copies elements to the device.</summary>
    public void Write(ReadOnlySpan<T> elements, long at = 0)
    {
        if (!elements.IsEmpty)
            View.SubView(at, elements.Length).CopyFromCPU(elements);
    }

    public void Dispose()
    {
        if (_freed)
            return;
        _freed = true;
        _buffer.Dispose();
        _memory.Freed(Bytes);
    }
}
