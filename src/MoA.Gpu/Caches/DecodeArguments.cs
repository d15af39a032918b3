using ILGPU;
using MoA.Gpu.Kernels;

namespace MoA.Gpu.Caches;

/// <summary>Decode attention of a batch in one layer.</summary>
internal struct DecodeArguments
{
    public CacheMemory Memory;

    public ArrayView<DecodeItem> Items;

    public ArrayView<DecodePiece> Pieces;

    /// <summary>Visible rings of query heads; items say where theirs stand.</summary>
    public ArrayView<int> VisibleRings;

    /// <summary>[rows, KV heads·group·d] floats, after RoPE.</summary>
    public ArrayView<Quad> Queries;

    public PartialOutputs Partials;

    /// <summary>[rows, KV heads·group·d] floats.</summary>
    public ArrayView<Quad> Outputs;

    public int KeyValueHeads;

    /// <summary>Query heads of a KV head.</summary>
    public int Group;

    /// <summary>Of scores, times log2 e.</summary>
    public float Scale;
}
