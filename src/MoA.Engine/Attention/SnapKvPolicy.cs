using MoA.Engine.Attention.Scoring;

namespace MoA.Engine.Attention;

/// <summary>
/// SnapKV (arXiv 2404.14469): when a prompt has been read, its last queries vote; each head keeps the rows with the most
/// attention after pooling, and the observation window itself. Generated tokens are never evicted.
/// </summary>
internal sealed class SnapKvPolicy : SizedEvictionPolicy
{
    /// <summary>The policy's name on the command line and in reports.</summary>
    public const string CommandName = "snapkv";

    /// <summary>Queries that vote, as in the official code.</summary>
    public const int DefaultWindow = 32;

    /// <summary>The pooling of the official code.</summary>
    public static readonly ScorePooling DefaultPooling = new(PoolingKind.Average, 5);

    /// <summary>A policy of a given size.</summary>
    /// <param name="budget">Rows of every head for a sequence's full length, new tokens included.</param>
    /// <param name="window">Tokens of the observation window, 1 to 64.</param>
    /// <param name="pooling">How scores are smoothed; null for the official code's.</param>
    public SnapKvPolicy(ElasticRule budget, int window = DefaultWindow, ScorePooling? pooling = null)
        : this(budget, new VoteScorer(window, pooling ?? DefaultPooling))
    {
    }

    /// <summary>A policy of a given size, which goes by such votes.</summary>
    internal SnapKvPolicy(ElasticRule budget, VoteScorer votes)
        : base(budget, votes)
    {
    }

    /// <inheritdoc/>
    public override string Name => CommandName;
}
