using MoA.Engine.KvCache;

namespace MoA.Gpu.Caches;

/// <summary>A KV head's rows within the memory of its sequence.</summary>
internal sealed class DeviceRing(int ringRows) : HeadRing(ringRows)
{
    /// <summary>The first quad, counted from address 0.</summary>
    public long Start { get; set; }

    /// <summary>Where the rows stand, as kernels see it.</summary>
    public CacheBlock Block => new() { Start = Start, RingRows = RingRows };

    /// <summary>Notes that the ring has another size; its rows have been moved.</summary>
    public void GrowTo(int ringRows, int length) => Enlarge(ringRows, length);
}
