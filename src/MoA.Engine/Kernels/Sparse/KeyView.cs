using MoA.Engine.Attention;
using MoA.Engine.KvCache;

namespace MoA.Engine.Kernels.Sparse;

/// <summary>What a query head could see of the keys, whatever is chosen among them: what is held of them, and within the policy's span.</summary>
/// <param name="Sink">Keys of the sink, which all see.</param>
/// <param name="OldestInSink">The first of these that is held.</param>
/// <param name="OldestInRing">The first of the others that is.</param>
/// <param name="RingBlocks">Blocks that the span reaches back to, the query's own included.</param>
/// <param name="Block">Tokens of such a block: as many as those of the kernel, or fewer.</param>
internal readonly record struct KeyView(int Sink, int OldestInSink, int OldestInRing, int RingBlocks, int Block)
{
    /// <summary>The view of a head whose rows are counted from <paramref name="start"/> on.</summary>
    public static KeyView Of(HeadCache cache, int start, LayerSpans spans, int head) => new(
        cache.Layout.Sink, Math.Min(cache.OldestInSink(start), start), Math.Min(cache.OldestInRing(start), start), spans.VisibleRing[head] / spans.Block,
        spans.Block);

    /// <summary>The first key besides the sink's that a query may see.</summary>
    /// <param name="row">The query's position.</param>
    public int RingStart(int row) =>
        (int)Math.Max(Math.Max(OldestInRing, Sink), Math.Min(int.MaxValue, ((long)row / Block - RingBlocks + 1) * Block));

    /// <summary>Whether a query may see all keys up to its own.</summary>
    /// <param name="row">The query's position.</param>
    public bool IsWhole(int row) => OldestInSink == 0 && RingStart(row) <= Sink;
}
