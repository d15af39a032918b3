using MoA.Engine.Attention.Scoring;

namespace MoA.Engine.Attention;

/// <summary>
/// Expected Attention (arXiv 2510.00636): when a prompt has been read, each head keeps the rows that queries to come are expected to attend to most.
/// </summary>
/// <param name="budget">Rows of every head for a sequence's full length, new tokens included.</param>
/// <param name="scorer">What rows are worth; null for the official code's.</param>
internal sealed class ExpectedAttentionPolicy(ElasticRule budget, ExpectedAttentionScorer? scorer = null)
    : SizedEvictionPolicy(budget, scorer ?? new ExpectedAttentionScorer())
{
    /// <summary>The policy's name on the command line and in reports.</summary>
    public const string CommandName = "expected-attention";

    /// <inheritdoc/>
    public override string Name => CommandName;
}
