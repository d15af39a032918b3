namespace MoA.Engine.Attention;

/// <summary>
/// The elastic rule of one head: <c>span(N) = Alpha + Beta·N</c> tokens for a sequence of N tokens
/// (paper arXiv 2406.14909, section 3.2; rounding as in docs/method.md, section 4).
/// </summary>
/// <param name="Alpha">Constant part in tokens; may be negative.</param>
/// <param name="Beta">Share of the sequence length.</param>
internal readonly record struct ElasticRule(double Alpha, double Beta)
{
    /// <summary>Side of the square blocks in which masks, influence and cache sizes are counted unless a plan says otherwise, in tokens.</summary>
    public const int BlockSize = 64;

    /// <summary>Tokens at the start of a sequence that every head keeps unless a plan says otherwise.</summary>
    public const int SinkTokens = 64;

    /// <summary>The least number of rows that a head keeps unless a plan says otherwise: the sink and one block.</summary>
    public const int MinimumRows = 128;

    /// <summary>The rule that keeps everything.</summary>
    public static ElasticRule Dense { get; } = new(0, 1);

    /// <summary>Sides of blocks that a rule may count in.</summary>
    public static IReadOnlyList<int> Blocks { get; } = [16, 32, BlockSize];

    /// <summary>Tokens in the blocks that the rule counts in, one of <see cref="Blocks"/>. The sink is one block, and no head keeps fewer than two.</summary>
    public int Block { get; init; } = BlockSize;

    /// <summary>
    /// Rows kept for a sequence of <paramref name="length"/> tokens, sink included: whole blocks, at least two. The
    /// one number behind memory, density, mask and loss.
    /// </summary>
    public int Rows(int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        double span = Math.Truncate(Alpha + Beta * length);
        return WholeBlocks(Math.Max((int)Math.Clamp(span, 0, length), 2 * Block), Block);
    }

    /// <summary>Rows besides the sink: the recent window, kept as a ring.</summary>
    public int RingRows(int length) => Rows(length) - Block;

    /// <summary>Kept share of a full cache, both counted in whole blocks; in (0, 1].</summary>
    public double Density(int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(length);
        int full = WholeBlocks(length, Block);
        return (double)Math.Min(Rows(length), full) / full;
    }

    // Rounds up, but the longest lengths down: no number of rows is beyond an int.
    internal static int WholeBlocks(int tokens, int block = BlockSize) =>
        (int)Math.Min(((long)tokens + block - 1) / block, int.MaxValue / block) * block;
}
