using MoA.Engine.Attention.Scoring;
using MoA.Engine.Configuration;

namespace MoA.Engine.Attention;

/// <summary>
/// AdaKV (arXiv 2407.11550): the heads of a layer share their budget. Each is sure of a part of its share; the rest goes to the best rows of all heads together.
/// </summary>
internal sealed class AdaKvPolicy : SizedEvictionPolicy
{
    /// <summary>The policy's name on the command line and in reports.</summary>
    public const string CommandName = "adakv";

    /// <summary>The part that a head is sure of, as in the official code's runs on LongBench.</summary>
    public const double DefaultFloor = 0.2;

    /// <summary>The official code's pooling of votes, which is wider than SnapKV's own default.</summary>
    public static readonly ScorePooling DefaultPooling = new(PoolingKind.Maximum, 7);

    /// <summary>A policy of a given size.</summary>
    /// <param name="budget">Rows of a head, on average over the heads of a layer, for a sequence's full length, new tokens included.</param>
    /// <param name="scorer">What rows are worth; null for the votes of SnapKV.</param>
    /// <param name="floor">The part of an even share that every head is sure of, 0 to 1.</param>
    public AdaKvPolicy(ElasticRule budget, RowScorer? scorer = null, double floor = DefaultFloor)
        : base(budget, scorer ?? new VoteScorer(SnapKvPolicy.DefaultWindow, DefaultPooling))
    {
        if (floor is not (>= 0 and <= 1))
            throw new ArgumentOutOfRangeException(nameof(floor), floor, "Expected a share from 0 to 1.");
        Floor = floor;
    }

    /// <summary>The part of an even share that every head is sure of.</summary>
    public double Floor { get; }

    /// <inheritdoc/>
    public override string Name => CommandName;

    /// <inheritdoc/>
    public override void Divide(Span<RowRanking> heads, Span<int> kept) => RowRanking.Share(heads, kept[0], (int)(kept[0] * Floor), kept);

    /// <inheritdoc/>
    internal override string Describe(ModelConfig config, int length) =>
        string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{base.Describe(config, length)} {Floor:R}");
}
