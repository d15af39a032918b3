using MoA.Engine.Attention.Scoring;
using MoA.Engine.Configuration;

namespace MoA.Engine.Attention;

/// <summary>
/// Policies that choose rows by their content: a prompt is read with full attention, then every KV head keeps the rows that a
/// <see cref="RowScorer"/> finds worth most, and the others' memory is freed. Layers with sliding windows keep these.
/// </summary>
internal abstract class EvictionPolicy : AttentionPolicy
{
    /// <summary>A policy that goes by a score.</summary>
    /// <param name="scorer">What rows are worth.</param>
    private protected EvictionPolicy(RowScorer scorer) => Scorer = scorer;

    /// <summary>What rows are worth.</summary>
    public RowScorer Scorer { get; }

    /// <summary>Whether every step evicts a row once the budget is full; otherwise generated tokens stay.</summary>
    public virtual bool EvictsEveryStep => false;

    /// <summary>
    /// Tokens after which rows are chosen again while an answer is written; null where they are chosen at the prompt's end alone. Room is kept for so many
    /// new tokens, so that no head ever holds more than the budget.
    /// </summary>
    public int? Every { get; init; }

    /// <summary>
    /// How many tokens of a prompt are read until heads that hold more than their rows evict the others: from then on they hold that many more at most, and the prompt
    /// is never held whole. Null if rows are chosen when all of it has been read.
    /// </summary>
    public virtual int? Chunk => null;

    /// <summary>Whether the rows of a head are scored after a piece of a prompt though all of them stay.</summary>
    public virtual bool ScoresWhatFits => false;

    /// <summary>The first tokens of the text that stay whatever their scores.</summary>
    /// <param name="rows">Rows that the head keeps.</param>
    public virtual int SinkTokens(int rows) => Scorer.SinkTokens;

    /// <summary>The last tokens that stay whatever their scores.</summary>
    /// <param name="rows">Rows that the head keeps.</param>
    public virtual int RecentTokens(int rows) => Scorer.RecentTokens(rows);

    /// <summary>Rows of a head for a sequence's full length, new tokens included.</summary>
    /// <param name="layer">Layer, of those that look back without limit.</param>
    /// <param name="keyValueHead">KV head.</param>
    /// <param name="keyValueHeads">KV heads of a layer.</param>
    /// <param name="length">Prompt and new tokens together.</param>
    public abstract int RowsOf(int layer, int keyValueHead, int keyValueHeads, int length);

    /// <summary>Whether rows are shared out over all layers at once, rather than within each.</summary>
    public virtual bool DividesOverLayers => false;

    /// <summary>Rows that the heads of a layer keep on average when a prompt has been read; as many as there are, or more, keep all.</summary>
    /// <param name="layer">Layer, of those that look back without limit.</param>
    /// <param name="layers">How many these are.</param>
    /// <param name="held">Rows held now; tokens of the text where rows are chosen again while an answer is written.</param>
    /// <param name="rows">Rows that the budget gives a layer on average, after what new tokens need.</param>
    public virtual int KeptRows(int layer, int layers, int held, int rows) => rows;

    /// <summary>Says how many rows each head keeps: its own, unless heads share.</summary>
    /// <param name="heads">Their rows in the order in which they stay: of a layer, or of all if <see cref="DividesOverLayers"/>. May be put in another order.</param>
    /// <param name="kept">Holds how many rows each head has; takes how many it keeps. A head of fewer rows keeps all.</param>
    public virtual void Divide(Span<RowRanking> heads, Span<int> kept)
    {
    }

    /// <inheritdoc/>
    /// <exception cref="InvalidInputException">All of the model's layers have windows of their own.</exception>
    internal override ElasticRule RuleOf(int layer, int queryHead, ModelConfig config, int length)
    {
        ArgumentNullException.ThrowIfNull(config);
        RequireUnboundedLayer(config);
        return ElasticRule.Dense;
    }

    /// <inheritdoc/>
    private protected override int StoredRows(int layer, int keyValueHead, ModelConfig config, int length, int rows) => Chunk is int chunk && !config.IsBounded(layer)
        ? (int)Math.Min((long)RowsOf(layer, keyValueHead, config.KeyValueHeads, length) + chunk, rows)
        : rows;

    /// <inheritdoc/>
    internal abstract override double Density(ModelConfig config, int length);

    /// <inheritdoc/>
    internal abstract override string Describe(ModelConfig config, int length);
}
