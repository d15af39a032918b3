using MoA.Engine.Attention;
using MoA.Engine.KvCache;

namespace MoA.Engine.Kernels;

/// <summary>Consecutive rows of a query head, within one block of 64 positions, that stand in neighbouring lanes of a panel.</summary>
/// <param name="Head">Query head.</param>
/// <param name="Row">First row, counted within the segment.</param>
/// <param name="Rows">Number of rows.</param>
/// <param name="Position">Position of the first row's token.</param>
/// <param name="Lane">The first row's lane.</param>
internal readonly record struct PrefillRun(int Head, int Row, int Rows, int Position, int Lane)
{
    private const int Block = ElasticRule.BlockSize;

    /// <summary>
    /// The keys of a block that one of the rows sees, counted within the block: from the first on, before the end; none
    /// where the end isn't behind the first.
    /// </summary>
    public (int First, int End) Sees(int keyBlock, LayerSpans spans)
    {
        int queryBlock = Position / Block, ringBlocks = spans.VisibleRing[Head] / Block;
        if (keyBlock > queryBlock || (keyBlock > 0 && keyBlock < queryBlock - ringBlocks + 1))
            return (Block, 0);
        int position = keyBlock * Block;
        long first = Math.Max(0, (long)Position - spans.SlidingWindow + 1 - position);
        return ((int)Math.Min(Block, first), Math.Min(Block, Position + Rows - position));
    }
    /// <summary>
    /// Sets the scores of keys that a row doesn't see to −∞, the future's and those before its window, where the rows see
    /// some of the keys' block.
    /// </summary>
    /// <param name="position">Position of the first key.</param>
    /// <param name="count">Keys.</param>
    /// <param name="window">The sliding window.</param>
    /// <param name="scores">The first key's score in the first row's lane.</param>
    /// <param name="stride">Floats from key to key.</param>
    public unsafe void Hide(int position, int count, int window, float* scores, nint stride)
    {
        if (position + count - 1 <= Position && position > (long)Position + Rows - 1 - window)
            return;
        for (int key = 0; key < count; key++, position++, scores += stride)
        {
            int future = Math.Clamp(position - Position, 0, Rows);
            new Span<float>(scores, future).Fill(float.NegativeInfinity);
            int past = (int)Math.Clamp((long)position + window - Position, 0, Rows);
            new Span<float>(scores + past, Rows - past).Fill(float.NegativeInfinity);
        }
    }
}
