namespace MoA.Engine.Attention.Scoring;

/// <summary>The attention of the prompt's last queries, which stay themselves (SnapKV, arXiv 2404.14469).</summary>
internal sealed record VoteScorer : RowScorer
{
    /// <param name="window">Queries that vote, 1 to 64.</param>
    /// <param name="pooling">How votes are smoothed.</param>
    public VoteScorer(int window, ScorePooling pooling)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(window);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(window, ElasticRule.BlockSize);
        ObservedQueries = window;
        Pooling = pooling;
    }

    /// <inheritdoc/>
    public override string Name => SnapKvPolicy.CommandName;

    /// <inheritdoc/>
    public override int ObservedQueries { get; }

    /// <inheritdoc/>
    public override ScorePooling Pooling { get; }

    /// <inheritdoc/>
    public override int RecentTokens(int rows) => ObservedQueries;
}
