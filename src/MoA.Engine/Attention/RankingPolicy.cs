using MoA.Engine.Attention.Scoring;

namespace MoA.Engine.Attention;

/// <summary>Keeps everything, and scores it as often as a piece of a prompt has been read: to see which rows a plan with content inside would keep.</summary>
/// <param name="scorer">What rows are worth; judges texts by their beginning.</param>
/// <param name="piece">Tokens of a prompt after which rows are scored.</param>
internal sealed class RankingPolicy(RowScorer scorer, int piece) : SizedEvictionPolicy(ElasticRule.Dense, scorer)
{
    /// <inheritdoc/>
    public override string Name => Scorer.Name;

    /// <inheritdoc/>
    public override int? Chunk => piece;

    /// <inheritdoc/>
    public override bool ScoresWhatFits => true;
}
