using System.Globalization;
using MoA.Engine.Attention.Scoring;
using MoA.Engine.Configuration;

namespace MoA.Engine.Attention;

/// <summary>Policies that choose rows by their content, of one size for all heads or for their mean.</summary>
internal abstract class SizedEvictionPolicy : EvictionPolicy
{
    /// <summary>A policy of a given size.</summary>
    /// <param name="budget">Rows of a head for a sequence's full length, new tokens included, as the rule of a plan counts
    /// them: so policies of the same rule take the same memory.</param>
    /// <param name="scorer">What rows are worth.</param>
    private protected SizedEvictionPolicy(ElasticRule budget, RowScorer scorer)
        : base(scorer) => Budget = budget;

    /// <summary>Rows of a head (of the heads' mean, where they share) for a sequence's full length.</summary>
    public ElasticRule Budget { get; }

    /// <inheritdoc/>
    public override int RowsOf(int layer, int keyValueHead, int keyValueHeads, int length) => Budget.Rows(length);

    /// <inheritdoc/>
    internal override double Density(ModelConfig config, int length)
    {
        ArgumentNullException.ThrowIfNull(config);
        return DensityOf(Budget, config, length);
    }

    /// <inheritdoc/>
    internal override string Describe(ModelConfig config, int length) =>
        string.Create(CultureInfo.InvariantCulture, $"{Name} {Budget.Rows(length)} {Scorer} {length} {Every}");
}
