namespace MoA.Engine.Attention.Scoring;

/// <summary>How little a key looks like the others: one less its cosine to the mean of all keys, each of length one (KeyDiff, arXiv 2504.15364).</summary>
internal sealed record KeyDifferenceScorer : RowScorer
{
    /// <inheritdoc/>
    public override string Name => KeyDiffPolicy.CommandName;

    /// <inheritdoc/>
    public override bool JudgesBeginnings => true;
}
