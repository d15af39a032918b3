using ILGPU;
using MoA.Gpu.Device;
using MoA.Gpu.Kernels;

namespace MoA.Gpu.Caches;

/// <summary>
/// The memory of all sequences' caches as kernels see it. Each sequence takes and gives back memory of its own; blocks are
/// counted from one origin, so that a launch can work on any of them.
/// </summary>
internal sealed class CacheSpace : IDisposable
{
    // More than a device can address, less than what overflows when counted in words or bytes.
    private const long AllQuads = 1L << 56;

    private readonly DeviceBuffer<Quad> _origin;

    public CacheSpace(DeviceMemory memory)
    {
        _origin = memory.Allocate<Quad>(16);
        Quads = new ArrayView<Quad>(_origin.Memory, 0, AllQuads);
    }

    /// <summary>Everything from the origin on, and before it.</summary>
    public ArrayView<Quad> Quads { get; }

    /// <summary>Where some memory stands, in quads from the origin; may be negative.</summary>
    public long Origin(DeviceBuffer<Quad> memory) => (memory.Address - _origin.Address) / 16;

    public void Dispose() => _origin.Dispose();
}
