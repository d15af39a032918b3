namespace MoA.Engine.Attention;

/// <summary>
/// How the rows of a KV head stand: those of the first tokens, which stay, then a ring of the last ones. Heads of layers with a
/// sliding window that hold all of it are a ring alone: the first tokens leave the window like any other.
/// </summary>
/// <param name="SinkRows">Rows for the first tokens: <see cref="Sink"/>, or 0.</param>
/// <param name="RingRows">Rows of the ring, at least 1.</param>
internal readonly record struct HeadLayout(int SinkRows, int RingRows)
{
    /// <summary>How many tokens at the start are the sink, whether or not they have rows of their own.</summary>
    public int Sink { get; init; } = ElasticRule.SinkTokens;

    /// <summary>All rows.</summary>
    public int Rows => SinkRows + RingRows;

    /// <summary>The row of a token position.</summary>
    public int Slot(int position) => position < SinkRows ? position : SinkRows + (position - SinkRows) % RingRows;

    /// <summary>How many tokens from a position on stand in rows that follow one another.</summary>
    internal int Run(int position) => position < SinkRows ? SinkRows - position : RingRows - (position - SinkRows) % RingRows;

    /// <summary>What a head keeps that needs so many rows, within the layer's window.</summary>
    internal static HeadLayout Of(int rows, int window, int sink = ElasticRule.SinkTokens) =>
        (window <= rows ? new HeadLayout(0, window) : new HeadLayout(sink, rows - sink)) with { Sink = sink };

    /// <summary>So many rows, at least 1, where rows are evicted one by one: none of them has a place of its own.</summary>
    internal static HeadLayout OfEvicted(int rows) => Of(rows, rows > ElasticRule.SinkTokens ? int.MaxValue : rows);
}
