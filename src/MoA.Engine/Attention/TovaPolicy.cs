using MoA.Engine.Attention.Scoring;

namespace MoA.Engine.Attention;

/// <summary>
/// TOVA (arXiv 2401.06104): all heads of a layer keep the same rows, those that the last query attends to most; every step drops the least of them,
/// be it the newest.
/// </summary>
/// <param name="budget">Rows of every head for a sequence's full length.</param>
internal sealed class TovaPolicy(ElasticRule budget) : SizedEvictionPolicy(budget, new LastAttentionScorer())
{
    /// <summary>The policy's name on the command line and in reports.</summary>
    public const string CommandName = "tova";

    /// <inheritdoc/>
    public override string Name => CommandName;

    /// <inheritdoc/>
    public override bool EvictsEveryStep => true;
}
