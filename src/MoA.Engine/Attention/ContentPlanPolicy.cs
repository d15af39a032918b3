using System.Globalization;
using MoA.Engine.Attention.Scoring;
using MoA.Engine.Configuration;

namespace MoA.Engine.Attention;

/// <summary>
/// A plan with content inside: it says how many rows each head keeps, and a <see cref="RowScorer"/> which ones. Where the scorer can judge a text by
/// its beginning, heads evict while a prompt is read, as often as a piece of it has been; others choose at its end. Generated tokens take the place of the
/// rows of least score.
/// </summary>
internal sealed class ContentPlanPolicy : EvictionPolicy
{
    /// <summary>The first tokens, which stay.</summary>
    public const int DefaultSink = 4;

    /// <summary>The last tokens, which stay.</summary>
    public const int DefaultRecent = 32;

    /// <summary>Tokens of a prompt between evictions.</summary>
    public const int DefaultPiece = 128;

    private readonly int _piece;

    /// <summary>Runs a plan by content.</summary>
    /// <param name="plan">A plan that fits the model.</param>
    /// <param name="scorer">What rows are worth.</param>
    /// <param name="sink">The first tokens of a text that stay.</param>
    /// <param name="recent">The last tokens that stay; no more than half of a head's rows.</param>
    /// <param name="piece">Tokens of a prompt between evictions, where the scorer allows them; whole blocks of 64.</param>
    public ContentPlanPolicy(AttentionPlan plan, RowScorer scorer, int sink = DefaultSink, int recent = DefaultRecent, int piece = DefaultPiece)
        : base(scorer)
    {
        ArgumentNullException.ThrowIfNull(plan);
        ArgumentOutOfRangeException.ThrowIfNegative(sink);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(recent);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(piece);
        ArgumentOutOfRangeException.ThrowIfNotEqual(piece % ElasticRule.BlockSize, 0, nameof(piece));
        Positional = new PlanPolicy(plan);
        Sink = sink;
        Recent = recent;
        _piece = piece;
    }

    /// <summary>The same plan where the last rows stay.</summary>
    public PlanPolicy Positional { get; }

    /// <summary>The first tokens that stay, where a head has room for twice as many.</summary>
    public int Sink { get; }

    /// <summary>The last tokens that stay, where a head has room for twice as many.</summary>
    public int Recent { get; }

    /// <inheritdoc/>
    public override string Name => PlanPolicy.CommandName;

    /// <inheritdoc/>
    public override bool EvictsEveryStep => true;

    /// <inheritdoc/>
    public override int? Chunk => Scorer.JudgesBeginnings ? _piece : null;

    /// <summary>Tokens of a prompt between evictions, if the scorer allowed them.</summary>
    public int PieceTokens => _piece;

    /// <inheritdoc/>
    public override int SinkTokens(int rows) => Math.Min(Math.Max(Sink, Scorer.SinkTokens), rows / 4);

    /// <inheritdoc/>
    public override int RecentTokens(int rows) => Math.Min(Math.Max(Recent, Scorer.ObservedQueries), rows / 2);

    /// <inheritdoc/>
    public override int RowsOf(int layer, int keyValueHead, int keyValueHeads, int length) =>
        Positional.Plan.StoredRows(layer, keyValueHead, keyValueHeads, length);

    /// <inheritdoc/>
    internal override ElasticRule RuleOf(int layer, int queryHead, ModelConfig config, int length)
    {
        ElasticRule dense = base.RuleOf(layer, queryHead, config, length), rule = Positional.RuleOf(layer, queryHead, config, length);
        return config.IsBounded(layer) ? rule : dense with { Block = rule.Block };
    }

    /// <inheritdoc/>
    internal override double Density(ModelConfig config, int length) => Positional.Density(config, length);

    /// <inheritdoc/>
    internal override string Describe(ModelConfig config, int length) =>
        string.Create(CultureInfo.InvariantCulture, $"{Positional.Describe(config, length)} {Scorer} {Sink} {Recent} {Chunk} {length}");
}
