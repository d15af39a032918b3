using MoA.Engine.Attention;
using MoA.Search.Optimization;

namespace MoA.Benchmarks.PlanSearch;

/// <summary>
/// A problem as a profile of a large model gives it: the paper's lengths (2048, 4096, 8192, extension 16384), its 48 rules,
/// density 0.5 at each, and losses that are influence hidden beyond the band of a rule.
/// </summary>
/// <remarks>
/// The influence of a query head at a distance of d blocks is a mixture of three decays: local (a scale of 40 to 400 tokens,
/// the same at every length), elastic (a scale of 2 to 50% of the length) and flat (retrieval); every distance deviates from
/// it by a factor of its own, log-normal with sigma 0.3, as means over few items do. Heads differ in importance
/// (log-normal, sigma 1.3), later layers matter less (a factor of 4 from first to last), and of all heads about 55% are
/// mostly local, 30% mostly elastic and 15% mostly flat. KV heads add the influence of their query heads.
/// </remarks>
internal static class SyntheticProblem
{
    private const double Density = 0.5;
    private const double Deviation = 0.3;
    private const double ImportanceSpread = 1.3;

    private static readonly int[] ProfileLengths = [2048, 4096, 8192];
    private static readonly int[] ExtensionLengths = [16384];

    /// <summary>Draws a problem.</summary>
    /// <param name="layers">Layers of the model.</param>
    /// <param name="queryHeads">Query heads of a layer.</param>
    /// <param name="keyValueHeads">KV heads of a layer; divides the query heads.</param>
    /// <param name="seed">The same seed gives the same problem.</param>
    public static PlanProblem Create(int layers, int queryHeads, int keyValueHeads, int seed)
    {
        Random random = new(seed);
        IReadOnlyList<ElasticRule> rules = RuleSpace.FromInterval(ProfileLengths, ExtensionLengths, [12288]);
        double[][] losses = [.. ProfileLengths.Select(_ => new double[layers * queryHeads * rules.Count])];
        for (int head = 0; head < layers * queryHeads; head++)
        {
            double depth = head / queryHeads / Math.Max(1.0, layers - 1);
            double importance = Math.Pow(4, -depth) * Math.Exp(ImportanceSpread * Normal(random));
            Decay decay = Decay.Draw(random);
            for (int t = 0; t < ProfileLengths.Length; t++)
            {
                double[] hidden = HiddenByBand(decay, ProfileLengths[t], importance, random);
                for (int rule = 0; rule < rules.Count; rule++)
                {
                    int band = Math.Min(rules[rule].RingRows(ProfileLengths[t]) / ElasticRule.BlockSize, hidden.Length - 1);
                    losses[t][head * rules.Count + rule] = hidden[band];
                }
            }
        }

        return new PlanProblem(
            layers,
            keyValueHeads,
            rules,
            [.. ProfileLengths.Select((length, t) => new PlanObjective(
                length, RuleLoss.OfKeyValueHeads(losses[t], layers, queryHeads, keyValueHeads)))],
            [.. ProfileLengths.Concat(ExtensionLengths).Select(length => DensityConstraint.Of(length, Density, rules))]);
    }

    /// <summary>[bands]: influence of all blocks at distances of the band or more, those of the sink apart.</summary>
    private static double[] HiddenByBand(Decay decay, int length, double importance, Random random)
    {
        int blocks = length / ElasticRule.BlockSize;
        double[] hidden = new double[blocks + 1];
        double total = 0;
        for (int distance = blocks - 1; distance >= 0; distance--)
        {
            // As many pairs of blocks lie that far apart, the key not in the sink; each query's influence is one unit.
            double pairs = Math.Max(0, blocks - 1 - distance);
            double value = decay.At((distance + 0.5) * ElasticRule.BlockSize, length) * Math.Exp(Deviation * Normal(random));
            hidden[distance] = hidden[distance + 1] + pairs * value;
            total += value;
        }

        for (int band = 0; band < hidden.Length; band++)
            hidden[band] *= importance / (total * blocks);
        return hidden;
    }

    private static double Normal(Random random) =>
        Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());

    /// <summary>How influence falls with distance.</summary>
    private readonly record struct Decay(double LocalTokens, double ElasticShare, double LocalPart, double ElasticPart, double FlatPart)
    {
        public static Decay Draw(Random random)
        {
            double local = 40 * Math.Pow(10, random.NextDouble());
            double elastic = 0.02 * Math.Pow(25, random.NextDouble());
            double minor = 0.1 * random.NextDouble();
            return random.NextDouble() switch
            {
                < 0.55 => new Decay(local, elastic, 1, minor, minor * minor),
                < 0.85 => new Decay(local, elastic, minor, 1, minor * minor),
                _ => new Decay(local, elastic, minor, minor, 1),
            };
        }

        /// <summary>Influence of a block at a distance, in no particular unit.</summary>
        public double At(double tokens, int length)
        {
            double elasticTokens = ElasticShare * length;
            return (LocalPart * Math.Exp(-tokens / LocalTokens) / LocalTokens)
                + (ElasticPart * Math.Exp(-tokens / elasticTokens) / elasticTokens)
                + (FlatPart / length);
        }
    }
}
