namespace MoA.Engine.Attention.Scoring;

/// <summary>The attention of all queries so far, generated ones too (H2O, arXiv 2306.14048).</summary>
internal sealed record AttentionSumScorer : RowScorer
{
    /// <param name="recentShare">The part of the rows that is for the most recent tokens, 0 to 1.</param>
    public AttentionSumScorer(double recentShare)
    {
        if (recentShare is not (>= 0 and <= 1))
            throw new ArgumentOutOfRangeException(nameof(recentShare), recentShare, "Expected a share from 0 to 1.");
        RecentShare = recentShare;
    }

    /// <summary>The part of the rows that is for the most recent tokens.</summary>
    public double RecentShare { get; }

    /// <inheritdoc/>
    public override string Name => H2oPolicy.CommandName;

    /// <inheritdoc/>
    public override bool ScoresEveryToken => true;

    /// <inheritdoc/>
    public override int RecentTokens(int rows) => (int)(RecentShare * rows);
}
