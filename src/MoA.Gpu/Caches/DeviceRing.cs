using MoA.Engine.Attention;
using MoA.Engine.KvCache;

namespace MoA.Gpu.Caches;

/// <summary>A KV head's rows within the memory of its sequence.</summary>
internal sealed class DeviceRing(HeadLayout layout) : HeadRing(layout)
{
    /// <summary>The first quad, counted from address 0.</summary>
    public long Start { get; set; }

    /// <summary>Where the rows stand, as kernels see it.</summary>
    public CacheBlock Block => CacheBlock.At(Start, Layout);
}
