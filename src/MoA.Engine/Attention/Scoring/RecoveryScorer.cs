namespace MoA.Engine.Attention.Scoring;

/// <summary>How much of a prompt's attention each <see cref="HeadStrategy"/> of a head leaves (FastGen, arXiv 2310.01801); it takes all of the prompt's queries.</summary>
/// <param name="Recovery">The share of its attention that must be left to a head.</param>
/// <param name="HeavyShare">The share of the text that tokens of most attention are.</param>
/// <param name="RecentShare">The share of the text that recent tokens are.</param>
internal sealed record RecoveryScorer(
    double Recovery = RecoveryScorer.DefaultRecovery, double HeavyShare = RecoveryScorer.DefaultShare, double RecentShare = RecoveryScorer.DefaultShare) : RowScorer
{
    /// <summary>The share of its attention that must be left to a head by default.</summary>
    public const double DefaultRecovery = 0.9;

    /// <summary>The shares of heavy and of recent tokens by default.</summary>
    public const double DefaultShare = 0.3;

    /// <summary>The first tokens, which stay.</summary>
    public const int Sink = 4;

    /// <inheritdoc/>
    public override string Name => FastGenPolicy.CommandName;

    /// <inheritdoc/>
    public override int ObservedQueries => int.MaxValue;

    /// <inheritdoc/>
    public override int SinkTokens => Sink;
}
