namespace MoA.Engine.Attention.Prefill;

/// <summary>What the queries of a prompt see of the keys up to their own, for one query head: see docs/policies.md, "Sparse prefill".</summary>
internal abstract record HeadPattern
{
    /// <summary>Where a prompt must be cut, if at all, for what is seen not to depend on it: at multiples of so many tokens.</summary>
    public virtual int Cut => 1;

    /// <summary>Tokens at the end of a prompt that see more than others do.</summary>
    public virtual int Tail => 0;
}

/// <summary>The first keys and a window: A-shape, MInference's <c>stream_llm</c>; with <paramref name="Last"/>, tri-shape.</summary>
/// <param name="Initial">First keys that every query sees.</param>
/// <param name="Local">Keys up to its own that a query sees besides, at least 1.</param>
/// <param name="Last">Queries at the end of the prompt that see everything.</param>
internal sealed record StreamPattern(int Initial, int Local, int Last = 0) : HeadPattern
{
    /// <inheritdoc/>
    public override int Tail => Last;
}

/// <summary>Columns and diagonals of the largest attention that the last queries of a piece give: MInference's <c>vertical_and_slash</c>.</summary>
/// <param name="Vertical">Columns.</param>
/// <param name="Slash">Diagonals.</param>
internal sealed record VerticalSlashPattern(int Vertical, int Slash) : HeadPattern
{
    /// <summary>The least that a file can ask for.</summary>
    public const int LeastVertical = 30, LeastSlash = 50;

    /// <summary>Columns and diagonals that always count as the largest: the first keys, and the nearest.</summary>
    public const int FirstColumns = 30, NearestDiagonals = 100;

    /// <summary>Queries that vote.</summary>
    public const int Voters = 64;
}

/// <summary>The key blocks whose mean key has the largest product with the mean query of a block: MInference's <c>block_sparse</c>.</summary>
/// <param name="Blocks">Blocks of 64 keys for each block of 64 queries.</param>
internal sealed record PooledBlocksPattern(int Blocks) : HeadPattern
{
    /// <inheritdoc/>
    public override int Cut => ElasticRule.BlockSize;
}

/// <summary>Columns and diagonals of blocks, or blocks by their mean keys, as many as cover a share of the attention: FlexPrefill.</summary>
/// <param name="Gamma">The share that is covered.</param>
/// <param name="Tau">Up to what distance between two estimates of the last queries' attention blocks are chosen by their means.</param>
/// <param name="LeastTokens">Tokens of columns and of diagonals that are kept at least.</param>
/// <param name="MostTokens">Tokens of columns and of diagonals that are kept at most.</param>
/// <param name="Block">Tokens of a block.</param>
internal sealed record CoveragePattern(double Gamma, double Tau, int LeastTokens, int MostTokens, int Block) : HeadPattern;

/// <summary>The blocks of largest sums over strided antidiagonals, as many as reach a share of all: XAttention.</summary>
/// <param name="Threshold">The share that is reached.</param>
/// <param name="Stride">Tokens from antidiagonal to antidiagonal.</param>
/// <param name="Block">Tokens of a block.</param>
internal sealed record AntidiagonalPattern(double Threshold, int Stride, int Block) : HeadPattern
{
    /// <inheritdoc/>
    public override int Cut => Block;
}
