using ILGPU;
using MoA.Gpu.Kernels;

namespace MoA.Gpu.Caches;

/// <summary>Attention of prompt rows of a batch in one layer.</summary>
internal struct PrefillArguments
{
    public CacheMemory Memory;

    public ArrayView<PrefillTile> Tiles;

    /// <summary>[segments, KV heads].</summary>
    public ArrayView<PrefillHead> Heads;

    /// <summary>[segments, query heads].</summary>
    public ArrayView<int> VisibleRings;

    /// <summary>[rows, query heads·d] floats, after RoPE.</summary>
    public ArrayView<Quad> Queries;

    /// <summary>[rows, KV heads·d] floats, rounded to the cache's format.</summary>
    public ArrayView<Quad> Keys;

    /// <summary>[rows, KV heads·d] floats, rounded to the cache's format.</summary>
    public ArrayView<Quad> Values;

    /// <summary>[rows, query heads·d] floats.</summary>
    public ArrayView<Quad> Outputs;

    public int KeyValueHeads;

    public int Group;

    /// <summary>The model's own window; int.MaxValue if none.</summary>
    public int Window;

    /// <summary>Of scores, times log2 e.</summary>
    public float Scale;
}
