using MoA.Engine.Attention.Scoring;

namespace MoA.Engine.Attention;

/// <summary>
/// FastGen (arXiv 2310.01801): when a prompt has been read, each head gets the least <see cref="HeadStrategy"/> that leaves it enough of its attention. How much is kept is
/// a result, not a setting.
/// </summary>
/// <param name="scorer">How much must be left, and the strategies' shares; null for the usual ones.</param>
internal sealed class FastGenPolicy(RecoveryScorer? scorer = null) : EvictionPolicy(ElasticRule.Dense, scorer ?? new RecoveryScorer())
{
    /// <summary>The policy's name on the command line and in reports.</summary>
    public const string CommandName = "fastgen";

    /// <inheritdoc/>
    public override string Name => CommandName;
}
