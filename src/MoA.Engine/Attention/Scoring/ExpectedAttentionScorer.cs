namespace MoA.Engine.Attention.Scoring;

/// <summary>
/// The attention to be expected of queries to come (Expected Attention, arXiv 2510.00636): these are taken to be spread as the prompt's were before
/// RoPE, and turned as the next positions turn them on average.
/// </summary>
/// <param name="Future">Positions to come whose turns are averaged.</param>
/// <param name="Covariance">Whether the queries' spread counts, besides their mean.</param>
/// <param name="ValueNorm">Whether attention is weighed by the length of the value.</param>
/// <param name="Epsilon">What is added to attention before it is weighed.</param>
internal sealed record ExpectedAttentionScorer(
    int Future = ExpectedAttentionScorer.DefaultFuture, bool Covariance = true, bool ValueNorm = true, double Epsilon = 0) : RowScorer
{
    /// <summary>Positions to come, as in the official code.</summary>
    public const int DefaultFuture = 512;

    /// <summary>The first tokens, which are outliers: they stay, and their queries do not count.</summary>
    public const int Sink = 4;

    /// <inheritdoc/>
    public override string Name => ExpectedAttentionPolicy.CommandName;

    /// <inheritdoc/>
    public override int SinkTokens => FirstTokens;

    /// <summary>How many these are.</summary>
    public int FirstTokens { get; init; } = Sink;

    /// <inheritdoc/>
    public override bool JudgesBeginnings => true;
}
