using ILGPU;
using MoA.Engine.Attention;

namespace MoA.Gpu.Kernels.Gradients;

/// <summary>
/// Some heads' queries of some neighbouring blocks, whose attention is worked on together. For each head two matrices
/// [queries, keys] stand in memory, of whole blocks of 64: of the keys those from the first block that the first query sees to
/// the last query's own. Blocks that no query sees are never touched.
/// </summary>
internal struct AttentionPanel
{
    private const int Block = ElasticRule.BlockSize;

    /// <summary>[heads, queries, keys] floats: scores, then probabilities A.</summary>
    public ArrayView<Quad> Weights;

    /// <summary>[heads, queries, keys] floats: the loss's gradient G for A, then for scores.</summary>
    public ArrayView<Quad> Gradients;

    /// <summary>Tokens of the item.</summary>
    public int Rows;

    /// <summary>Blocks of queries, and the first of them.</summary>
    public int QueryBlocks, FirstQueryBlock;

    /// <summary>Blocks of keys, and the first of them.</summary>
    public int KeyBlocks, FirstKeyBlock;

    /// <summary>KV heads, all their query heads with them, and the first of them.</summary>
    public int Heads, FirstHead;

    /// <summary>Query heads of a KV head.</summary>
    public int Group;

    /// <summary>KV heads of the model.</summary>
    public int KeyValueHeads;

    /// <summary>d.</summary>
    public int HeadSize;

    /// <summary>The model's own window; int.MaxValue if none.</summary>
    public int Window;

    /// <summary>Query heads whose matrices stand in memory.</summary>
    public readonly int QueryHeads => Heads * Group;

    /// <summary>Quads from one query's row of a matrix to the next.</summary>
    public readonly int Stride => KeyBlocks * (Block / 4);

    /// <summary>Quads of a head.</summary>
    public readonly int HeadQuads => HeadSize / 4;

    /// <summary>Quads from one token's queries to the next.</summary>
    public readonly int QueryStride => KeyValueHeads * Group * HeadQuads;

    /// <summary>Quads from one token's keys, or values, to the next.</summary>
    public readonly int KeyStride => KeyValueHeads * HeadQuads;

    /// <summary>Queries of a block that exist.</summary>
    public readonly int RowsOf(int block) => Math.Min(Block, Rows - block * Block);

    /// <summary>The first block of keys that a block of queries sees.</summary>
    public readonly int OldestBlock(int queryBlock) => Math.Max(0, queryBlock * Block - Window + 1) / Block;

    /// <summary>The last block of queries that sees a block of keys, of the panel's.</summary>
    public readonly int YoungestBlock(int keyBlock) => (int)Math.Min(
        FirstQueryBlock + QueryBlocks - 1, ((long)keyBlock * Block + (Block - 2) + Window) / Block);

    /// <summary>The first quad of a block of the matrices.</summary>
    /// <param name="head">Query head, counted from the panel's first.</param>
    /// <param name="queryBlock">Block of queries, of the item.</param>
    /// <param name="keyBlock">Block of keys, of the item.</param>
    public readonly long At(int head, int queryBlock, int keyBlock) =>
        ((long)head * QueryBlocks + queryBlock - FirstQueryBlock) * Block * Stride + (keyBlock - FirstKeyBlock) * (Block / 4);

    /// <summary>The first quad of a head of a block of queries, of the item.</summary>
    public readonly long Query(int head, int block) =>
        (long)block * Block * QueryStride + (FirstHead * Group + head) * HeadQuads;

    /// <summary>The first quad of a KV head, counted from the panel's first, of a block of keys.</summary>
    public readonly long Key(int head, int block) => (long)block * Block * KeyStride + (FirstHead + head) * HeadQuads;
}
