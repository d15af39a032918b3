using MoA.Engine;
using MoA.Engine.Attention;

namespace MoA.Search.Optimization;

/// <summary>The candidate rules of a search, in a fixed order (docs/method.md, section 5).</summary>
internal static class RuleSpace
{
    /// <summary>Number of values of beta when none is asked for: 0, 1/8, ..., 1.</summary>
    public const int DefaultBetaCount = 9;

    private const int MostCandidates = 1_000_000;

    /// <summary>Rules whose alphas lie about <paramref name="alphaInterval"/> tokens apart.</summary>
    /// <param name="profileLengths">Lengths at which losses are measured, in tokens; at least one.</param>
    /// <param name="extensionLengths">Lengths at which only the density is bounded, in tokens; may be empty.</param>
    /// <param name="validationLengths">Lengths at which plans are compared, in tokens; may be empty.</param>
    /// <param name="alphaInterval">Distance of alphas in tokens; half of the shortest length when null.</param>
    /// <param name="betaCount">Number of values of beta between 0 and 1, ends included; at least 2.</param>
    /// <returns>Rules by growing span at the longest length, then by alpha, then by beta.</returns>
    /// <exception cref="InvalidInputException">A setting is out of range, or no rule is left.</exception>
    public static IReadOnlyList<ElasticRule> FromInterval(
        IReadOnlyList<int> profileLengths,
        IReadOnlyList<int> extensionLengths,
        IReadOnlyList<int> validationLengths,
        double? alphaInterval = null,
        int betaCount = DefaultBetaCount)
    {
        LengthRange range = LengthRange.Of(profileLengths, extensionLengths, validationLengths);
        double interval = alphaInterval ?? range.Least / 2.0;
        if (!double.IsFinite(interval) || interval <= 0)
            throw new InvalidInputException($"The alpha interval is {interval}; expected a number of tokens above 0.");
        double count = Math.Floor((range.Profile + range.Least) / interval) + 1;
        return Generate(range, count, betaCount);
    }

    /// <summary>Rules with a given number of equidistant alphas; otherwise as the interval form.</summary>
    /// <param name="profileLengths">Lengths at which losses are measured, in tokens; at least one.</param>
    /// <param name="extensionLengths">Lengths at which only the density is bounded, in tokens; may be empty.</param>
    /// <param name="validationLengths">Lengths at which plans are compared, in tokens; may be empty.</param>
    /// <param name="alphaCount">Number of alphas before rules that do not fit are dropped; at least 2.</param>
    /// <param name="betaCount">Number of values of beta between 0 and 1, ends included; at least 2.</param>
    /// <returns>Rules by growing span at the longest length, then by alpha, then by beta.</returns>
    /// <exception cref="InvalidInputException">A setting is out of range, or no rule is left.</exception>
    public static IReadOnlyList<ElasticRule> FromCount(
        IReadOnlyList<int> profileLengths,
        IReadOnlyList<int> extensionLengths,
        IReadOnlyList<int> validationLengths,
        int alphaCount,
        int betaCount = DefaultBetaCount) =>
        Generate(LengthRange.Of(profileLengths, extensionLengths, validationLengths), alphaCount, betaCount);

    private static List<ElasticRule> Generate(LengthRange range, double alphaCount, int betaCount)
    {
        if (alphaCount < 2)
            throw new InvalidInputException($"The rule space has {alphaCount} alphas; expected at least 2.");
        if (betaCount < 2)
            throw new InvalidInputException($"The rule space has {betaCount} betas; expected at least 2.");
        if (alphaCount * betaCount > MostCandidates)
        {
            throw new InvalidInputException(
                $"The rule space has {alphaCount} alphas and {betaCount} betas; expected at most {MostCandidates} pairs.");
        }

        double[] betas = Equidistant(0, 1, betaCount);
        List<ElasticRule> rules = [];
        foreach (double alpha in Equidistant(-range.Least, range.Profile, (int)alphaCount))
        {
            foreach (double beta in betas)
            {
                if (alpha + beta * range.Profile <= range.Profile
                    && alpha + beta * range.Greatest <= range.Greatest
                    && alpha + beta * range.Least > 0)
                {
                    rules.Add(new ElasticRule(alpha, beta));
                }
            }
        }

        if (rules.Count == 0)
            throw new InvalidInputException("The rule space is empty; choose a smaller alpha interval or more betas.");
        return [.. rules.OrderBy(rule => rule.Alpha + rule.Beta * range.Greatest)];
    }

    private static double[] Equidistant(double first, double last, int count)
    {
        double step = (last - first) / (count - 1);
        double[] values = [.. Enumerable.Range(0, count).Select(index => first + index * step)];
        values[^1] = last;
        return values;
    }

    /// <summary>Nmin and Nmax over all lengths, and the longest profile length.</summary>
    private readonly record struct LengthRange(double Least, double Greatest, double Profile)
    {
        public static LengthRange Of(params ReadOnlySpan<IReadOnlyList<int>> lengths)
        {
            if (lengths[0].Count == 0)
                throw new InvalidInputException("The rule space needs at least one profile length.");
            LengthRange range = new(double.MaxValue, 0, lengths[0].Max());
            foreach (IReadOnlyList<int> list in lengths)
            {
                foreach (int length in list)
                {
                    if (length <= 0)
                        throw new InvalidInputException($"A length of the rule space is {length}; expected at least 1.");
                    range = range with
                    {
                        Least = Math.Min(range.Least, length),
                        Greatest = Math.Max(range.Greatest, length),
                    };
                }
            }

            return range;
        }
    }
}
