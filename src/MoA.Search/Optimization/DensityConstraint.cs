using MoA.Engine.Attention;

namespace MoA.Search.Optimization;

/// <summary>A bound on the mean density of a plan's heads at one length.</summary>
/// <param name="Length">Sequence length in tokens.</param>
/// <param name="Bound">Greatest mean density, in (0, 1].</param>
/// <param name="Densities">[R]: density of every rule at the length.</param>
public sealed record DensityConstraint(int Length, double Bound, double[] Densities)
{
    /// <summary>A bound with the densities of stored rows (docs/method.md, section 4).</summary>
    /// <param name="length">Sequence length in tokens.</param>
    /// <param name="bound">Greatest mean density, in (0, 1].</param>
    /// <param name="rules">Candidate rules.</param>
    public static DensityConstraint Of(int length, double bound, IReadOnlyList<ElasticRule> rules) =>
        new(length, bound, [.. rules.Select(rule => rule.Density(length))]);
}
