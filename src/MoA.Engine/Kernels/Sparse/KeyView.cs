using MoA.Engine.Attention;
using MoA.Engine.KvCache;

namespace MoA.Engine.Kernels.Sparse;

/// <summary>What a query head could see of the keys, whatever is chosen among them: what is held of them, and within the policy's span.</summary>
/// <param name="OldestInSink">The first of the sink's keys.</param>
/// <param name="OldestInRing">The first besides these.</param>
/// <param name="RingBlocks">Blocks of 64 that the span reaches back to, the query's own included.</param>
internal readonly record struct KeyView(int OldestInSink, int OldestInRing, int RingBlocks)
{
    private const int Block = ElasticRule.BlockSize;

    /// <summary>The view of a head whose rows are counted from <paramref name="start"/> on.</summary>
    public static KeyView Of(HeadCache cache, int start, int ringRows) => new(
        Math.Min(cache.OldestInSink(start), start), Math.Min(cache.OldestInRing(start), start), ringRows / Block);

    /// <summary>The first key besides the sink's that a block of queries may see.</summary>
    public int RingStart(int queryBlock) => (int)Math.Max(Math.Max(OldestInRing, Block), Math.Min(int.MaxValue, Math.Max(0L, (long)queryBlock - RingBlocks + 1) * Block));

    /// <summary>Whether a block of queries may see all keys up to its own.</summary>
    public bool IsWhole(int queryBlock) => OldestInSink == 0 && RingStart(queryBlock) <= Block;
}
