using MoA.Engine.Attention.Scoring;
using MoA.Engine.Configuration;

namespace MoA.Engine.Attention;

/// <summary>
/// PyramidKV (arXiv 2406.02069): as SnapKV, with a budget that falls from layer to layer in equal steps at the same mean.
/// </summary>
internal sealed class PyramidKvPolicy : SizedEvictionPolicy
{
    /// <summary>The policy's name on the command line and in reports.</summary>
    public const string CommandName = "pyramidkv";

    /// <summary>The official code's β: the last layer keeps this part of the mean budget.</summary>
    public const int DefaultBeta = 20;

    /// <summary>A policy of a given size.</summary>
    /// <param name="budget">Rows of a head, on average over the layers, for a sequence's full length, new tokens included.</param>
    /// <param name="window">Tokens of the observation window, 1 to 64.</param>
    /// <param name="pooling">How scores are smoothed; null for the official code's.</param>
    /// <param name="beta">How steep the pyramid is, at least 1, which is flat.</param>
    public PyramidKvPolicy(
        ElasticRule budget, int window = SnapKvPolicy.DefaultWindow, ScorePooling? pooling = null, int beta = DefaultBeta)
        : this(budget, new VoteScorer(window, pooling ?? SnapKvPolicy.DefaultPooling), beta)
    {
    }

    /// <summary>A policy of a given size, which goes by such votes.</summary>
    internal PyramidKvPolicy(ElasticRule budget, VoteScorer votes, int beta)
        : base(budget, votes)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(beta);
        Beta = beta;
    }

    /// <summary>How steep the pyramid is.</summary>
    public int Beta { get; }

    /// <inheritdoc/>
    public override string Name => CommandName;

    /// <inheritdoc/>
    public override int KeptRows(int layer, int layers, int held, int rows)
    {
        int window = Scorer.ObservedQueries;
        int chosen = rows - window, choice = held - window; // rows and what there is besides the window
        if (layers < 2 || held < rows || held < 2 * chosen)
            return rows;
        int last = chosen / Beta, first = 2 * chosen - last;
        if (first >= choice)
        {
            first = choice;
            last = 2 * chosen - choice;
        }

        return first - layer * ((first - last) / (layers - 1)) + window;
    }

    /// <inheritdoc/>
    internal override string Describe(ModelConfig config, int length) => $"{base.Describe(config, length)} {Beta}";
}
