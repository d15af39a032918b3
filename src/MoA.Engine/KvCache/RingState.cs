using MoA.Engine.Attention;

namespace MoA.Engine.KvCache;

/// <summary>Where the tokens of one KV head in one layer stand among its rows, and which of them are still there.</summary>
/// <param name="Layout">The rows.</param>
/// <param name="LostBefore">Tokens between the sink and this position were evicted before the ring changed; they never come back. 0 if none were.</param>
/// <param name="LostSince">How many tokens were written when the last of these had gone; 0 if none were.</param>
internal readonly record struct RingState(HeadLayout Layout, int LostBefore = 0, int LostSince = 0)
{
    /// <summary>The oldest of the sink's positions that is held when <paramref name="length"/> tokens were written; the sink's size if none is.</summary>
    public int OldestInSink(int length) =>
        Layout.SinkRows > 0 ? 0 : Math.Clamp(length - Layout.RingRows, 0, Layout.Sink);

    /// <summary>The oldest position besides the sink's that is held when <paramref name="length"/> tokens were written.</summary>
    public int OldestInRing(int length) =>
        Math.Max(Math.Max(Layout.Sink, length - Layout.RingRows), LostBefore);

    /// <summary>The first position from <paramref name="position"/> on that is held when <paramref name="length"/> tokens were written.</summary>
    public int NextHeld(int position, int length)
    {
        position = Math.Max(position, OldestInSink(length));
        return position < Layout.Sink ? position : Math.Max(position, OldestInRing(length));
    }

    /// <summary>Whether all that was held when <paramref name="earlier"/> tokens were written is held now that there are <paramref name="length"/>.</summary>
    public bool StillHolds(int earlier, int length)
    {
        if (earlier == length || earlier == 0)
            return true;
        if (OldestInSink(length) > OldestInSink(earlier))
            return false;
        return earlier <= Layout.Sink || (earlier >= LostSince && OldestInRing(length) == OldestInRing(earlier));
    }

    /// <summary>The state when <paramref name="earlier"/> tokens were written, of which all is still held.</summary>
    public RingState At(int earlier) => earlier < LostSince ? new RingState(Layout) : this;

    /// <summary>The state with other rows, once those that are held and find a place there have been moved.</summary>
    /// <param name="layout">The rows.</param>
    /// <param name="length">Tokens written so far.</param>
    public RingState In(HeadLayout layout, int length)
    {
        int oldest = OldestInRing(length);
        return oldest == Layout.Sink ? new RingState(layout)
            : oldest == LostBefore ? this with { Layout = layout }
            : new RingState(layout, oldest, length);
    }

    /// <summary>How many tokens are held when <paramref name="length"/> were written.</summary>
    public int HeldRows(int length) => HeldInSink(length) + HeldInRing(length);

    /// <summary>A layout without room for anything but what is held.</summary>
    /// <param name="length">Tokens written so far, at least 1.</param>
    public HeadLayout Packed(int length)
    {
        bool hasGap = HeldInSink(length) > 0 && OldestInRing(length) > Layout.Sink;
        return hasGap ? Layout with { SinkRows = Layout.Sink, RingRows = HeldInRing(length) } : Layout with { SinkRows = 0, RingRows = HeldRows(length) };
    }

    private int HeldInSink(int length) => Math.Min(length, Layout.Sink) - OldestInSink(length);

    private int HeldInRing(int length) => Math.Max(0, length - OldestInRing(length));
}
