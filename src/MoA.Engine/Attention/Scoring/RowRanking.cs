namespace MoA.Engine.Attention.Scoring;

/// <summary>The rows of one head in the order in which they stay.</summary>
internal sealed class RowRanking
{
    private readonly int[] _rows;
    private readonly float[] _scores;

    /// <param name="rows">Rows: first those that stay in any case, then by falling score.</param>
    /// <param name="scores">What they are worth, in that order; not negative.</param>
    /// <param name="sure">How many stay in any case.</param>
    public RowRanking(int[] rows, float[] scores, int sure)
    {
        _rows = rows;
        _scores = scores;
        Sure = sure;
    }

    /// <summary>The row of a rank, the best first.</summary>
    public int this[int rank] => _rows[rank];

    /// <summary>Rows.</summary>
    public int Count => _rows.Length;

    /// <summary>Rows that stay whatever their scores.</summary>
    public int Sure { get; }

    /// <summary>The best score of those that are not sure to stay; 0 if all are.</summary>
    public float Largest => Sure < Count ? _scores[Sure] : 0;

    /// <summary>The same rows, of which the first tokens' stay, then the most recent ones.</summary>
    public RowRanking ByAge(int firstTokens)
    {
        int[] rows = Best(Count);
        firstTokens = Math.Min(firstTokens, rows.Length);
        Array.Reverse(rows, firstTokens, rows.Length - firstTokens);
        return new RowRanking(rows, new float[rows.Length], firstTokens);
    }

    /// <summary>The first of them, ascending.</summary>
    public int[] Best(int count)
    {
        int[] best = _rows[..Math.Min(count, Count)];
        Array.Sort(best);
        return best;
    }

    /// <summary>
    /// Shares rows out among heads: each keeps what is sure to it, the others are the best of all heads, of equal ones those of the earlier head.
    /// </summary>
    /// <param name="heads">The heads.</param>
    /// <param name="rows">Rows of a head on average.</param>
    /// <param name="floor">Rows that every head keeps.</param>
    /// <param name="kept">Takes how many rows each head keeps.</param>
    public static void Share(ReadOnlySpan<RowRanking> heads, int rows, int floor, Span<int> kept)
    {
        long left = (long)rows * heads.Length;
        int[] firsts = new int[heads.Length];
        int others = 0;
        for (int head = 0; head < heads.Length; head++)
        {
            kept[head] = Math.Min(Math.Max(floor, heads[head].Sure), heads[head].Count);
            left -= kept[head];
            firsts[head] = others;
            others += heads[head].Count - kept[head];
        }

        ulong[] order = new ulong[others];
        for (int head = 0; head < heads.Length; head++)
        {
            for (int i = kept[head]; i < heads[head].Count; i++)
            {
                int place = firsts[head] + i - kept[head];
                order[place] = Falling(heads[head]._scores[i], place);
            }
        }

        Array.Sort(order);
        foreach (ulong entry in order.AsSpan(0, (int)Math.Clamp(left, 0, others)))
        {
            int head = Array.BinarySearch(firsts, (int)(uint)entry);
            // Of heads without others, which begin at the same place, the last is meant.
            for (head = head < 0 ? ~head - 1 : head; head + 1 < firsts.Length && firsts[head + 1] <= (int)(uint)entry; head++)
            {
            }

            kept[head]++;
        }
    }

    /// <summary>
    /// A number that sorts by falling score and then by place. Scores are not negative, so their bits are in their order.
    /// </summary>
    public static ulong Falling(float score, int place) => (ulong)~BitConverter.SingleToUInt32Bits(score) << 32 | (uint)place;
}
