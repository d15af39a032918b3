using MoA.Engine.Attention;

namespace MoA.Engine.KvCache;

/// <summary>
/// Where the tokens of one KV head in one layer stand among its rows, whatever memory these are in: the sink's come first,
/// then a ring. Keys are stored after RoPE, so the order within the ring does not matter.
/// </summary>
internal abstract class HeadRing(int ringRows)
{
    public int RingRows { get; protected set; } = ringRows;

    public int Rows => ElasticRule.SinkTokens + RingRows;

    /// <summary>Tokens between the sink and this position were evicted before the ring grew; they never come back.</summary>
    public int LostBefore { get; private set; }

    /// <summary>Whether a token takes the place of an older one.</summary>
    public bool Replaces(int position) => position >= Rows;

    /// <summary>The row of a token position.</summary>
    public int Slot(int position) => Slot(position, RingRows);

    /// <summary>The row of a token position in a ring of some size.</summary>
    public static int Slot(int position, int ringRows) => position < ElasticRule.SinkTokens
        ? position
        : ElasticRule.SinkTokens + (position - ElasticRule.SinkTokens) % ringRows;

    /// <summary>The oldest position besides the sink that is held when <paramref name="length"/> tokens were written.</summary>
    public int OldestInRing(int length) =>
        Math.Max(Math.Max(ElasticRule.SinkTokens, length - RingRows), LostBefore);

    /// <summary>Notes that the ring has another size; the rows that were held are in their new places.</summary>
    /// <param name="ringRows">The new size.</param>
    /// <param name="length">Tokens written so far.</param>
    protected void Enlarge(int ringRows, int length)
    {
        int oldest = OldestInRing(length);
        RingRows = ringRows;
        if (oldest > ElasticRule.SinkTokens)
            LostBefore = oldest;
    }
}
