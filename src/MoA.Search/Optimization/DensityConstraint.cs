using MoA.Engine.Attention;
using MoA.Engine.Configuration;

namespace MoA.Search.Optimization;

/// <summary>A bound on the mean density of a plan's heads at one length.</summary>
/// <param name="Length">Sequence length in tokens.</param>
/// <param name="Bound">Greatest mean density, in (0, 1].</param>
/// <param name="Densities">[R]: density of every rule at the length.</param>
internal sealed record DensityConstraint(int Length, double Bound, double[] Densities)
{
    /// <summary>A plan keeps a bound whose density is at most this share of it above; the same for floors below.</summary>
    internal const double Tolerance = 1e-6;

    /// <summary>Greatest error of a density in single precision, rounded up.</summary>
    private const double Rounding = 1e-7;

    /// <summary>Tokens in the blocks that densities count.</summary>
    public int Block { get; init; } = ElasticRule.BlockSize;

    /// <summary>The whole cache at the length, in blocks.</summary>
    internal int Blocks => (Length + Block - 1) / Block;

    /// <summary>A bound with the densities of stored rows (docs/method.md, section 4).</summary>
    /// <param name="length">Sequence length in tokens.</param>
    /// <param name="bound">Greatest mean density, in (0, 1].</param>
    /// <param name="rules">Candidate rules.</param>
    public static DensityConstraint Of(int length, double bound, IReadOnlyList<ElasticRule> rules) =>
        new(length, bound, [.. rules.Select(rule => rule.Density(length))]) { Block = BlockOf(rules) };

    /// <summary>
    /// A bound on the density of a whole model of which plans give rules to <see cref="ModelConfig.PlannedLayers"/>. The other layers
    /// hold their windows, so that with a rule for every head of the former the model has the density that stands here for the rule.
    /// </summary>
    /// <param name="length">Sequence length in tokens.</param>
    /// <param name="bound">Greatest mean density, in (0, 1].</param>
    /// <param name="rules">Candidate rules.</param>
    /// <param name="config">The model.</param>
    public static DensityConstraint Of(int length, double bound, IReadOnlyList<ElasticRule> rules, ModelConfig config)
    {
        ArgumentNullException.ThrowIfNull(config);
        if (!Enumerable.Range(0, config.Layers).Any(config.IsBounded))
            return Of(length, bound, rules);
        double full = (ElasticRule.Dense with { Block = BlockOf(rules) }).Rows(length), planned = (double)config.PlannedLayers.Count / config.Layers;
        double others = Enumerable.Range(0, config.Layers).Except(config.PlannedLayers)
            .Sum(layer => Math.Min(config.SlidingWindow(layer)!.Value, full)) / full / config.Layers;
        // Where all layers have windows, rules act within them; the longest one counts for all.
        double most = config.PlannedLayers.Max(layer => Math.Min(config.SlidingWindow(layer) ?? full, full));
        return new DensityConstraint(length, bound, [.. rules.Select(rule => others + planned * Math.Min(rule.Rows(length), most) / full)]) { Block = BlockOf(rules) };
    }

    /// <summary>
    /// The same, with densities that stand for whole blocks made exactly that, as they are not where they were kept in single
    /// precision.
    /// </summary>
    internal DensityConstraint InWholeBlocks()
    {
        double[] whole = [.. Densities.Select(density => Math.Round(density * Blocks) / Blocks)];
        bool areWhole = Blocks * Rounding < 0.1
            && Densities.Zip(whole).All(pair => Math.Abs(pair.First - pair.Second) <= Rounding);
        return areWhole ? this with { Densities = whole } : this;
    }

    private static int BlockOf(IReadOnlyList<ElasticRule> rules) => rules.Count > 0 ? rules[0].Block : ElasticRule.BlockSize;
}
