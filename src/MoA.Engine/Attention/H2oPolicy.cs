using MoA.Engine.Attention.Scoring;

namespace MoA.Engine.Attention;

/// <summary>
/// H2O (arXiv 2306.14048): each head keeps its most recent tokens and the heavy hitters, those with the most attention
/// summed over all queries so far, generated ones included; every step evicts the least of them.
/// </summary>
internal sealed class H2oPolicy : SizedEvictionPolicy
{
    /// <summary>The policy's name on the command line and in reports.</summary>
    public const string CommandName = "h2o";

    /// <summary>A policy of a given size.</summary>
    /// <param name="budget">Rows of every head, heavy and recent together, for a sequence's full length.</param>
    /// <param name="recentShare">The part of the rows that is for the most recent tokens, between 0 and 1; the paper's is
    /// half.</param>
    public H2oPolicy(ElasticRule budget, double recentShare = 0.5)
        : base(budget, new AttentionSumScorer(recentShare))
    {
    }

    /// <inheritdoc/>
    public override string Name => CommandName;

    /// <inheritdoc/>
    public override bool EvictsEveryStep => true;
}
