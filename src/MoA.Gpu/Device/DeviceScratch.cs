using ILGPU;

namespace MoA.Gpu.Device;

/// <summary>Memory for what lasts no longer than an operation; grows to the largest that was asked for.</summary>
internal sealed class DeviceScratch<T>(DeviceMemory memory) : IDisposable
    where T : unmanaged
{
    private DeviceBuffer<T>? _buffer;

    /// <summary>Room for some elements; what stood there is gone.</summary>
    public ArrayView<T> Room(long length)
    {
        if (_buffer is null || _buffer.View.Length < length)
        {
            _buffer?.Dispose();
            _buffer = null;
            _buffer = memory.Allocate<T>(length);
        }

        return _buffer.View.SubView(0, length);
    }

    public void Dispose() => _buffer?.Dispose();
}
