using MoA.Engine.Attention;
using MoA.Engine.KvCache;

namespace MoA.Engine.Kernels;

/// <summary>
/// The rows of one KV head that a generated token's query heads attend to, counted from 0 in order of position: those of
/// the sink, then those of the ring. Rows that no head of the group sees are left out.
/// </summary>
internal readonly struct HeldRows
{
    private readonly int _firstInSink;
    private readonly int _sinkRows;
    private readonly int _oldest;

    /// <summary>The rows that the sequence's next token attends to, its own included.</summary>
    public HeldRows(in AttentionSegment segment, int layer, int keyValueHead, int group)
    {
        LayerSpans spans = segment.Cache.Spans[layer];
        Cache = segment.Cache.Head(layer, keyValueHead);
        int length = segment.Cache.Start(layer, keyValueHead) + 1;
        int ring = 0;
        foreach (int visible in spans.VisibleRing.AsSpan(keyValueHead * group, group))
            ring = Math.Max(ring, visible);
        int inWindow = (int)Math.Max(0, (long)length - spans.SlidingWindow);
        int sinkEnd = Math.Min(length, ElasticRule.SinkTokens);
        _firstInSink = Math.Min(inWindow, sinkEnd);
        _sinkRows = sinkEnd - _firstInSink;
        _oldest = Math.Min(length, Math.Max(Cache.OldestInRing(length), Math.Max(inWindow, length - ring)));
        Count = _sinkRows + length - Math.Max(_oldest, sinkEnd);
    }

    public HeadCache Cache { get; }

    public int Count { get; }

    /// <summary>The position that a row holds.</summary>
    public int Position(int row) => row < _sinkRows ? _firstInSink + row : _oldest + row - _sinkRows;

    /// <summary>How many rows from <paramref name="row"/> on stand one behind the other in memory.</summary>
    public int Consecutive(int row) =>
        row < _sinkRows ? _sinkRows - row : Math.Min(Cache.Rows - Cache.Slot(Position(row)), Count - row);
}
