using MoA.Engine;
using MoA.Engine.Attention;
using MoA.Engine.Configuration;
using MoA.Engine.Generation;
using MoA.Search.Optimization;

namespace MoA.Search.Pipeline;

/// <summary>What a search is asked for.</summary>
public sealed record SearchSettings
{
    /// <summary>Lengths in tokens at which influence is measured and the loss is an objective.</summary>
    public required IReadOnlyList<int> ProfileLengths { get; init; }

    /// <summary>Further lengths at which the density is bounded.</summary>
    public required IReadOnlyList<int> ExtensionLengths { get; init; }

    /// <summary>Length at which plans are compared; never used in profiling.</summary>
    public required int ValidationLength { get; init; }

    /// <summary>Density bound of lengths that <see cref="DensityAt"/> does not name.</summary>
    public double Density { get; init; } = 0.5;

    /// <summary>Density bounds of single lengths.</summary>
    public IReadOnlyDictionary<int, double> DensityAt { get; init; } = new Dictionary<int, double>();

    /// <summary>
    /// Rows that heads may keep on average at any length: bounds of lengths that <see cref="DensityAt"/> does not name are at least this share of a
    /// cache. 0: none.
    /// </summary>
    public int FloorTokens { get; init; }

    /// <summary>
    /// Tokens in the blocks in which masks, influence and rows are counted: 16, 32 or 64. The sink is one block, and no head keeps fewer than two.
    /// </summary>
    public int Block { get; init; } = ElasticRule.BlockSize;

    /// <summary>Most distinct rules in a layer; null for any number.</summary>
    public int? MaxRulesPerLayer { get; init; } = 2;

    /// <summary>One rule for all heads of a layer.</summary>
    public bool SamePerLayer { get; init; }

    /// <summary>Least density as a share of each bound; null for none.</summary>
    public double? DensityFloor { get; init; }

    /// <summary>Tokens between neighbouring alphas; null for half of the shortest length, an eighth of it where blocks have fewer than 64 tokens.</summary>
    public int? AlphaInterval { get; init; }

    /// <summary>Number of alphas, instead of an interval.</summary>
    public int? AlphaCount { get; init; }

    /// <summary>Number of betas between 0 and 1.</summary>
    public int BetaCount { get; init; } = 9;

    /// <summary>Profile and extension lengths, in order.</summary>
    public IReadOnlyList<int> ConstrainedLengths => [.. ProfileLengths.Concat(ExtensionLengths).Distinct().Order()];

    /// <summary>The density bound of every constrained length.</summary>
    public IReadOnlyDictionary<int, double> DensityBounds =>
        ConstrainedLengths.ToDictionary(length => length, length => DensityAt.TryGetValue(length, out double bound)
            ? bound
            : Math.Max(Density, Math.Min(1, (double)FloorTokens / length)));

    /// <summary>
    /// Defaults: the paper's profile lengths (2048, 4096, 8192) for models with a context of 16384 and more, an eighth and
    /// a quarter of a shorter one (at least 256 and 512, below which no head can keep half); validation at one and a half
    /// times the longest, extension to twice the longest; blocks of 64 tokens, or smaller ones where two of 64 would be more than a sixteenth of the
    /// shortest length and the model's device knows them.
    /// </summary>
    /// <param name="model">The model.</param>
    /// <param name="profileLengths">Profile lengths that are asked for; null for the defaults.</param>
    public static SearchSettings DefaultsFor(LanguageModel model, IReadOnlyList<int>? profileLengths = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        return DefaultsFor(model.Config, profileLengths, model.Transformer.Backend.LeastBlock);
    }

    /// <summary>The same for a shape alone.</summary>
    internal static SearchSettings DefaultsFor(ModelConfig config, IReadOnlyList<int>? profileLengths = null, int leastBlock = 16)
    {
        ArgumentNullException.ThrowIfNull(config);
        int eighth = Math.Max(
            2 * ElasticRule.MinimumRows, config.MaxPositions / 8 / ElasticRule.BlockSize * ElasticRule.BlockSize);
        profileLengths ??= config.MaxPositions >= 16384 ? [2048, 4096, 8192] : [eighth, 2 * eighth];
        int longest = profileLengths.Max();
        return new SearchSettings
        {
            ProfileLengths = profileLengths,
            ExtensionLengths = 2 * longest <= config.MaxPositions ? [2 * longest] : [],
            ValidationLength = Math.Min(longest + longest / 2, config.MaxPositions),
            Block = ElasticRule.Blocks.LastOrDefault(block => 32 * block <= profileLengths.Min() || block == leastBlock, ElasticRule.BlockSize),
        };
    }

    /// <summary>Refuses settings that contradict each other or the model.</summary>
    /// <exception cref="InvalidInputException">A setting cannot be used; the message names its option.</exception>
    internal void Check(ModelConfig config)
    {
        ArgumentNullException.ThrowIfNull(config);
        if (ProfileLengths.Count == 0 || ProfileLengths.Distinct().Count() < ProfileLengths.Count)
            throw new InvalidInputException($"--lengths {string.Join(',', ProfileLengths)}: expected at least one, and each once");
        foreach (int length in ProfileLengths)
        {
            if (length <= 0 || length % ElasticRule.BlockSize != 0)
                throw new InvalidInputException($"--lengths {length}: expected a multiple of {ElasticRule.BlockSize}");
        }

        foreach (int length in ExtensionLengths.Append(ValidationLength))
        {
            if (length < ElasticRule.BlockSize)
                throw new InvalidInputException($"length {length}: expected at least {ElasticRule.BlockSize} tokens");
        }

        foreach (double density in DensityAt.Values.Append(Density))
        {
            if (density is not (> 0 and <= 1))
                throw new InvalidInputException($"density {density}: expected a share above 0 and up to 1");
        }

        int longest = Math.Max(ProfileLengths.Max(), ValidationLength);
        if (longest > config.LongestText)
        {
            throw new InvalidInputException(
                $"length {longest}: the model's context is {config.MaxPositions} tokens; choose shorter --lengths and --validate-length");
        }

        foreach (int length in DensityAt.Keys.Except(ConstrainedLengths))
        {
            throw new InvalidInputException(
                $"--density-at {length}: not among the lengths {string.Join(", ", ConstrainedLengths)} that are bounded");
        }

        if (!ElasticRule.Blocks.Contains(Block))
            throw new InvalidInputException($"--block {Block}: expected {string.Join(", ", ElasticRule.Blocks)}");
        if (FloorTokens < 0)
            throw new InvalidInputException($"--floor-tokens {FloorTokens}: expected 0 or more");
        if (AlphaInterval is not null && AlphaCount is not null)
            throw new InvalidInputException("--alpha-interval and --alpha-count exclude each other; give one");
        if (MaxRulesPerLayer < 1)
            throw new InvalidInputException($"--max-rules-per-layer {MaxRulesPerLayer}: expected a positive number, or none");
        if (DensityFloor is <= 0 or > 1)
            throw new InvalidInputException($"--density-floor {DensityFloor}: expected a share above 0 and up to 1");

        CheckReachable(config);
    }

    /// <summary>Says so where a model's sliding windows alone keep every bound, so that plans keep everything; else null.</summary>
    internal string? Remark(ModelConfig config)
    {
        ArgumentNullException.ThrowIfNull(config);
        DensityConstraint[] dense = [.. DensityBounds.Select(bound => DensityConstraint.Of(bound.Key, bound.Value, [ElasticRule.Dense with { Block = Block }], config))];
        if (!Enumerable.Range(0, config.Layers).Any(config.IsBounded) || dense.Any(constraint => constraint.Densities[0] > constraint.Bound))
            return null;
        return FormattableString.Invariant(
            $"the model's sliding windows leave {dense.Max(constraint => constraint.Densities[0]):0.####} of a full cache at most, so that plans keep everything; give a --density below that");
    }

    /// <summary>The candidate rules that the settings describe.</summary>
    internal IReadOnlyList<ElasticRule> Rules()
    {
        // Small blocks tell neighbouring spans apart that large ones do not, and are there for heads to keep the least.
        int? interval = AlphaInterval ?? (Block < ElasticRule.BlockSize ? Math.Max(1, ConstrainedLengths.Append(ValidationLength).Min() / 8) : null);
        IReadOnlyList<ElasticRule> rules = AlphaCount is int count
            ? RuleSpace.FromCount(ProfileLengths, ExtensionLengths, [ValidationLength], count, BetaCount)
            : RuleSpace.FromInterval(ProfileLengths, ExtensionLengths, [ValidationLength], interval, BetaCount);
        if (Block < ElasticRule.BlockSize && !rules.Any(rule => rule.Beta == 0 && rule.Alpha <= 2 * Block))
            rules = [new ElasticRule(2 * Block, 0), .. rules];
        return [.. rules.Select(rule => rule with { Block = Block })];
    }

    // Said before anything is measured: profiling takes hours on a large model.
    private void CheckReachable(ModelConfig config)
    {
        IReadOnlyList<ElasticRule> rules = Rules();
        foreach ((int length, double bound) in DensityBounds.OrderBy(bound => bound.Key))
        {
            double least = DensityConstraint.Of(length, bound, rules, config).Densities.Min();
            if (bound * (1 + DensityConstraint.Tolerance) < least)
            {
                throw new InvalidInputException(FormattableString.Invariant(
                    $"density {bound} at {length} tokens: every plan keeps at least {least:0.####} of a cache there; ") +
                    FormattableString.Invariant(
                        $"raise --density, give --density-at {length}={least:0.####} or --floor-tokens {Math.Ceiling(least * length)}{(Block > ElasticRule.Blocks[0] ? ", a smaller --block" : "")}, or choose longer lengths"));
            }
        }
    }
}
