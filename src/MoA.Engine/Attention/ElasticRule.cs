namespace MoA.Engine.Attention;

/// <summary>
/// The elastic rule of one head: <c>span(N) = Alpha + Beta·N</c> tokens for a sequence of N tokens
/// (paper arXiv 2406.14909, section 3.2; rounding as in docs/method.md, section 4).
/// </summary>
/// <param name="Alpha">Constant part in tokens; may be negative.</param>
/// <param name="Beta">Share of the sequence length.</param>
internal readonly record struct ElasticRule(double Alpha, double Beta)
{
    /// <summary>Side of the square blocks in which masks, influence and cache sizes are counted, in tokens.</summary>
    public const int BlockSize = 64;

    /// <summary>Tokens at the start of a sequence that every head keeps.</summary>
    public const int SinkTokens = 64;

    /// <summary>The least number of rows that a head keeps: the sink and one block.</summary>
    public const int MinimumRows = 128;

    /// <summary>The rule that keeps everything.</summary>
    public static ElasticRule Dense { get; } = new(0, 1);

    /// <summary>
    /// Rows kept for a sequence of <paramref name="length"/> tokens, sink included: a multiple of 64, at least 128. The
    /// one number behind memory, density, mask and loss.
    /// </summary>
    public int Rows(int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        double span = Math.Truncate(Alpha + Beta * length);
        return WholeBlocks(Math.Max((int)Math.Clamp(span, 0, length), MinimumRows));
    }

    /// <summary>Rows besides the sink: the recent window, kept as a ring.</summary>
    public int RingRows(int length) => Rows(length) - SinkTokens;

    /// <summary>Kept share of a full cache, both counted in whole blocks; in (0, 1].</summary>
    public double Density(int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(length);
        int full = WholeBlocks(length);
        return (double)Math.Min(Rows(length), full) / full;
    }

    // Rounds up, but the longest lengths down: no number of rows is beyond an int.
    internal static int WholeBlocks(int tokens) =>
        (int)Math.Min(((long)tokens + BlockSize - 1) / BlockSize, int.MaxValue / BlockSize) * BlockSize;
}
