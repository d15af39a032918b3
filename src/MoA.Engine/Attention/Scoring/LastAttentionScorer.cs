namespace MoA.Engine.Attention.Scoring;

/// <summary>The attention of the last query alone, the mean of all heads of a layer (TOVA, arXiv 2401.06104).</summary>
internal sealed record LastAttentionScorer : RowScorer
{
    /// <inheritdoc/>
    public override string Name => TovaPolicy.CommandName;

    /// <inheritdoc/>
    public override bool ScoresEveryToken => true;

    /// <inheritdoc/>
    public override bool IsOfLayer => true;
}
