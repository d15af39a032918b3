using MoA.Engine.Attention;
using MoA.Engine.KvCache;

namespace MoA.Engine.Kernels;

/// <summary>
/// The rows of one KV head that a generated token's query heads attend to, counted from 0 in order of position: those of
/// the sink, then of chosen blocks where a policy chooses any, then those of the ring. Rows that no head of the group sees
/// are left out.
/// </summary>
internal readonly struct HeldRows
{
    private const int Block = ElasticRule.BlockSize;

    private readonly BlockMemory? _blocks;
    private readonly int _firstInSink;
    private readonly int _sinkRows;
    private readonly int _blocksEnd;
    private readonly int _oldest;

    /// <summary>The rows that an item's token attends to, its own included.</summary>
    public HeldRows(in AttentionSegment segment, in AttentionItem item, int layer, int group)
    {
        int keyValueHead = item.KeyValueHead;
        LayerSpans spans = segment.Cache.Spans[layer];
        Cache = segment.Cache.Head(layer, keyValueHead);
        _blocks = segment.Cache.Blocks(layer);
        int length = segment.Cache.Start(layer, keyValueHead) + item.FirstRow + 1;
        int ring = 0;
        foreach (int visible in spans.VisibleRing.AsSpan(keyValueHead * group, group))
            ring = Math.Max(ring, visible);
        int inWindow = (int)Math.Max(0, (long)length - spans.SlidingWindow);
        int sinkEnd = Math.Min(length, Cache.Layout.Sink);
        _firstInSink = Math.Min(inWindow, sinkEnd);
        _sinkRows = sinkEnd - _firstInSink;
        _blocksEnd = _sinkRows + (_blocks?.ChosenCount ?? 0) * Block;
        int oldest = Math.Max(Cache.OldestInRing(length), Math.Max(inWindow, length - ring));
        _oldest = Math.Min(length, Math.Max(oldest, _blocks?.RecentStart ?? 0));
        Count = _blocksEnd + length - Math.Max(_oldest, sinkEnd);
    }

    public HeadCache Cache { get; }

    public int Count { get; }

    /// <summary>The position that a row holds.</summary>
    public int Position(int row)
    {
        if (row >= _blocksEnd)
            return _oldest + row - _blocksEnd;
        return row < _sinkRows ? _firstInSink + row : PositionInBlock(row - _sinkRows);
    }

    /// <summary>How many rows from <paramref name="row"/> on stand one behind the other in memory.</summary>
    public int Consecutive(int row)
    {
        if (row >= _blocksEnd)
            return Math.Min(Cache.Rows - Cache.Slot(Position(row)), Count - row);
        return row < _sinkRows
            ? Math.Min(Cache.Rows - Cache.Slot(Position(row)), _sinkRows - row)
            : Block - (row - _sinkRows) % Block;
    }

    private int PositionInBlock(int row) => _blocks!.Chosen[row / Block] * Block + row % Block;
}
