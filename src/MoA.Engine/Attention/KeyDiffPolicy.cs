using MoA.Engine.Attention.Scoring;

namespace MoA.Engine.Attention;

/// <summary>KeyDiff (arXiv 2504.15364): when a prompt has been read, each head keeps the rows whose keys look least like the others.</summary>
/// <param name="budget">Rows of every head for a sequence's full length, new tokens included.</param>
internal sealed class KeyDiffPolicy(ElasticRule budget) : SizedEvictionPolicy(budget, new KeyDifferenceScorer())
{
    /// <summary>The policy's name on the command line and in reports.</summary>
    public const string CommandName = "keydiff";

    /// <inheritdoc/>
    public override string Name => CommandName;
}
