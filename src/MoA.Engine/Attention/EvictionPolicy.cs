using MoA.Engine.Configuration;

namespace MoA.Engine.Attention;

/// <summary>
/// Policies that choose rows by the attention they got: a prompt is read with full attention, then every KV head keeps
/// the rows with the largest scores besides the most recent ones, and the others' memory is freed. A row's score is the
/// attention that it got from the observed queries of its whole group. Layers with sliding windows keep these.
/// </summary>
internal abstract class EvictionPolicy : AttentionPolicy
{
    /// <summary>A policy of a given size.</summary>
    /// <param name="budget">Rows of a head for a sequence's full length, new tokens included, as the rule of a plan counts
    /// them: so policies of the same rule take the same memory.</param>
    private protected EvictionPolicy(ElasticRule budget) => Budget = budget;

    /// <summary>Rows of a head (of the layers' mean, where they differ) for a sequence's full length.</summary>
    public ElasticRule Budget { get; }

    /// <summary>
    /// How many queries at the end of a prompt are observed, once; null observes all queries, generated ones too, and
    /// evicts a row at every step.
    /// </summary>
    public abstract int? ObservedQueries { get; }

    /// <summary>How scores are smoothed before rows are chosen.</summary>
    public virtual ScorePooling Pooling => ScorePooling.None;

    /// <summary>The last tokens that stay whatever their scores.</summary>
    /// <param name="rows">Rows that the head keeps.</param>
    public abstract int RecentTokens(int rows);

    /// <summary>Rows that the heads of a layer keep when a prompt has been read; as many as there are, or more, keep all.</summary>
    /// <param name="layer">Layer, of those that look back without limit.</param>
    /// <param name="layers">How many these are.</param>
    /// <param name="held">Rows held now.</param>
    /// <param name="rows">Rows that the budget gives a layer on average, after what new tokens need.</param>
    public virtual int KeptRows(int layer, int layers, int held, int rows) => rows;

    /// <inheritdoc/>
    /// <exception cref="InvalidInputException">All of the model's layers have windows of their own.</exception>
    internal override ElasticRule RuleOf(int layer, int queryHead, ModelConfig config, int length)
    {
        ArgumentNullException.ThrowIfNull(config);
        RequireUnboundedLayer(config);
        return ElasticRule.Dense;
    }

    /// <inheritdoc/>
    internal override double Density(ModelConfig config, int length)
    {
        ArgumentNullException.ThrowIfNull(config);
        return DensityOf(Budget, config, length);
    }

    /// <inheritdoc/>
    internal override string Describe(ModelConfig config, int length) => string.Create(
        System.Globalization.CultureInfo.InvariantCulture,
        $"{Name} {Budget.Rows(length)} {ObservedQueries} {Pooling.Kind} {Pooling.Width} {RecentTokens(Budget.Rows(length))} {length}");
}
