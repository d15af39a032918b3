using MoA.Engine.Attention;

namespace MoA.Engine.KvCache;

/// <summary>
/// Where the tokens of one KV head in one layer stand among its rows, whatever memory these are in. Keys are stored after RoPE,
/// so the order within the ring does not matter.
/// </summary>
internal abstract class HeadRing(HeadLayout layout)
{
    public HeadLayout Layout { get; protected set; } = layout;

    public int RingRows => Layout.RingRows;

    public int Rows => Layout.Rows;

    /// <summary>Tokens between the sink and this position were evicted before the ring grew; they never come back.</summary>
    public int LostBefore { get; private set; }

    /// <summary>Whether a token takes the place of an older one.</summary>
    public bool Replaces(int position) => position >= Rows;

    /// <summary>The row of a token position.</summary>
    public int Slot(int position) => Layout.Slot(position);

    /// <summary>The oldest of the sink's positions that is held when <paramref name="length"/> tokens were written; 64 if none is.</summary>
    public int OldestInSink(int length) =>
        Layout.SinkRows > 0 ? 0 : Math.Clamp(length - RingRows, 0, ElasticRule.SinkTokens);

    /// <summary>The oldest position besides the sink's that is held when <paramref name="length"/> tokens were written.</summary>
    public int OldestInRing(int length) =>
        Math.Max(Math.Max(ElasticRule.SinkTokens, length - RingRows), LostBefore);

    /// <summary>The first position from <paramref name="position"/> on that is held when <paramref name="length"/> tokens were written.</summary>
    public int NextHeld(int position, int length)
    {
        position = Math.Max(position, OldestInSink(length));
        return position < ElasticRule.SinkTokens ? position : Math.Max(position, OldestInRing(length));
    }

    /// <summary>Notes that rows have another layout, with more of them; those that were held are in their new places.</summary>
    /// <param name="layout">The new layout.</param>
    /// <param name="length">Tokens written so far.</param>
    protected void Enlarge(HeadLayout layout, int length)
    {
        int oldest = OldestInRing(length);
        Layout = layout;
        if (oldest > ElasticRule.SinkTokens)
            LostBefore = oldest;
    }
}
