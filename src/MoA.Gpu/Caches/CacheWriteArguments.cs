using ILGPU;
using MoA.Gpu.Kernels;

namespace MoA.Gpu.Caches;

/// <summary>New keys and values of a batch in one layer, and where they are stored.</summary>
internal struct CacheWriteArguments
{
    public CacheMemory Memory;

    /// <summary>[segments, KV heads].</summary>
    public ArrayView<CacheBlock> Blocks;

    /// <summary>The rows to store.</summary>
    public ArrayView<NewRow> Rows;

    /// <summary>[rows of the batch, KV heads·d] floats.</summary>
    public ArrayView<Quad> Keys;

    /// <summary>[rows of the batch, KV heads·d] floats.</summary>
    public ArrayView<Quad> Values;

    public int Heads;
}
