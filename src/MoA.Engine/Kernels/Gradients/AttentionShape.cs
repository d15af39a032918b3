using MoA.Engine.Attention;

namespace MoA.Engine.Kernels.Gradients;

/// <summary>The sizes of one layer's causal attention of an item from its first token on.</summary>
/// <param name="Rows">Tokens; positions count from 0.</param>
/// <param name="QueryHeads">Query heads, a multiple of the KV heads.</param>
/// <param name="KeyValueHeads">KV heads.</param>
/// <param name="HeadSize">Components d of a head.</param>
/// <param name="SlidingWindow">Position i sees j &gt; i − window; int.MaxValue: everything before it.</param>
internal readonly record struct AttentionShape(
    int Rows, int QueryHeads, int KeyValueHeads, int HeadSize, int SlidingWindow)
{
    /// <summary>What becomes of the products of queries and keys.</summary>
    public AttentionTraits Traits { get; init; }

    /// <summary>What the heads see of it under a plan; null where they see all. The rest is hidden: it has an influence, and no part in
    /// outputs and gradients.</summary>
    public LayerSpans? Spans { get; init; }

    /// <summary>In which order keys would stay, by which influence is summed in place of their positions; null for these.</summary>
    public ContentRanks? Ranks { get; init; }

    /// <summary>Query heads that share a KV head.</summary>
    public int Group => QueryHeads / KeyValueHeads;

    /// <summary>Rows in a block by which influence is summed: one of <see cref="ElasticRule.Blocks"/>.</summary>
    public int Block { get; init; } = ElasticRule.BlockSize;

    /// <summary>Blocks of the rows, the last one perhaps not full.</summary>
    public int Blocks => (Rows + Block - 1) / Block;
}
