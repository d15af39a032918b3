using System.CommandLine;
using MoA.Cli.Output;
using MoA.Engine;
using MoA.Engine.Attention;
using MoA.Engine.Configuration;
using MoA.Engine.Kernels;
using MoA.Search.Pipeline;

namespace MoA.Cli.Options;

/// <summary>The options of the plan search.</summary>
internal static class SearchOptions
{
    public static Option<string?> Lengths { get; } = new("--lengths")
    {
        Description = "Profile lengths in tokens (default: 2048,4096,8192; an eighth and a quarter of a shorter context)",
        HelpName = "N,N,…",
    };

    public static Option<string?> Extend { get; } = new("--extend")
    {
        Description = "Further lengths at which the density is bounded (default: twice the longest profile length)",
        HelpName = "N,N,…",
    };

    public static Option<int?> ValidateLength { get; } = new("--validate-length")
    {
        Description = "Unseen length at which plans are compared (default: one and a half times the longest profile length)",
        HelpName = "N",
    };

    public static Option<string?> Density { get; } = new("--density")
    {
        Description = "Share of a full KV cache that a plan may store, at every length (default: 0.5)",
        HelpName = "D",
    };

    public static Option<string?> DensityAt { get; } = new("--density-at")
    {
        Description = "Other densities at some lengths, as in 512=0.6,2048=0.4",
        HelpName = "N=D,…",
    };

    public static Option<int?> FloorTokens { get; } = new("--floor-tokens")
    {
        Description = "Rows that heads may keep on average at any length, though that be more than --density at short ones (default: 0)",
        HelpName = "N",
    };

    public static Option<int?> Block { get; } = new("--block")
    {
        Description = "Tokens in the blocks that spans are counted in, 16, 32 or 64; the first block always stays, and no head keeps fewer than two " +
            "(default: 64, fewer where two blocks would be more than a sixteenth of the shortest length; on a device always 64)",
        HelpName = "N",
    };

    public static Option<string?> MaxRules { get; } = new("--max-rules-per-layer")
    {
        Description = "Most distinct rules within a layer, or none for any number (default: 2)",
        HelpName = "K|none",
    };

    public static Option<bool> SamePerLayer { get; } = new("--same-per-layer") { Description = "One rule for all heads of a layer" };

    public static Option<double?> DensityFloor { get; } = new("--density-floor")
    {
        Description = "Least density as a share of each bound (default: none; the research code uses 0.9)",
        HelpName = "S",
    };

    public static Option<int?> AlphaInterval { get; } = new("--alpha-interval")
    {
        Description = "Tokens between the alphas to choose from (default: half of the shortest length, an eighth where blocks have fewer than 64 tokens)",
        HelpName = "N",
    };

    public static Option<int?> AlphaCount { get; } = new("--alpha-count")
    {
        Description = "Number of alphas to choose from, instead of an interval",
        HelpName = "N",
    };

    public static Option<int?> BetaCount { get; } = new("--beta-count")
    {
        Description = "Number of betas between 0 and 1 to choose from (default: 9)",
        HelpName = "N",
    };

    /// <summary>Adds the options of the optimise step.</summary>
    public static void AddTo(Command command)
    {
        foreach (Option option in new Option[]
        {
            Lengths, Extend, ValidateLength, Density, DensityAt, FloorTokens, Block, MaxRules, SamePerLayer, DensityFloor, AlphaInterval, AlphaCount,
            BetaCount,
        })
        {
            command.Options.Add(option);
        }
    }

    /// <summary>What the options ask for, with the model's defaults.</summary>
    public static SearchSettings Read(CommandContext context, ModelConfig config, ComputeBackend? backend = null)
    {
        SearchSettings defaults = Defaults(context, config, backend);
        SearchSettings settings = defaults with
        {
            ExtensionLengths = context.Get(Extend) is string extend ? Lists.Lengths("--extend", extend) : defaults.ExtensionLengths,
            ValidationLength = CalibrationOptions.Positive(context, ValidateLength) ?? defaults.ValidationLength,
            Density = context.Get(Density) is string density ? Lists.Density("--density", density) : defaults.Density,
            DensityAt = context.Get(DensityAt) is string at ? Lists.DensitiesAt("--density-at", at) : defaults.DensityAt,
            FloorTokens = context.Get(FloorTokens) ?? defaults.FloorTokens,
            Block = context.Get(Block) ?? defaults.Block,
            MaxRulesPerLayer = ReadMaxRules(context, defaults.MaxRulesPerLayer),
            SamePerLayer = context.Get(SamePerLayer),
            DensityFloor = context.Get(DensityFloor),
            AlphaInterval = context.Get(AlphaInterval),
            AlphaCount = context.Get(AlphaCount),
            BetaCount = context.Get(BetaCount) ?? defaults.BetaCount,
        };
        settings.Check(config);
        CheckBlock(settings.Block, backend);
        return settings;
    }

    /// <summary>Tokens in a block, for a step that sums influence.</summary>
    public static int ReadBlock(CommandContext context, ModelConfig config, IReadOnlyList<int> lengths, ComputeBackend backend)
    {
        SearchSettings defaults = SearchSettings.DefaultsFor(config, lengths, backend.LeastBlock);
        int block = context.Get(Block) ?? defaults.Block;
        (defaults with { Block = block, Density = 1 }).Check(config);
        CheckBlock(block, backend);
        return block;
    }

    /// <summary>The lengths alone, for a step that no density bounds.</summary>
    public static SearchSettings ReadLengths(CommandContext context, ModelConfig config)
    {
        SearchSettings defaults = Defaults(context, config);
        SearchSettings settings = defaults with
        {
            ValidationLength = CalibrationOptions.Positive(context, ValidateLength) ?? defaults.ValidationLength,
            Density = 1,
        };
        settings.Check(config);
        return settings;
    }

    private static SearchSettings Defaults(CommandContext context, ModelConfig config, ComputeBackend? backend = null) => SearchSettings.DefaultsFor(
        config, context.Get(Lengths) is string lengths ? Lists.Lengths("--lengths", lengths) : null, backend?.LeastBlock ?? ElasticRule.Blocks[0]);

    private static void CheckBlock(int block, ComputeBackend? backend)
    {
        if (block < backend?.LeastBlock)
            throw new InvalidInputException($"--block {block}: {backend.Description} counts in blocks of {backend.LeastBlock}; use --device cpu or --block {backend.LeastBlock}");
    }

    /// <summary>The limit on distinct rules within a layer; null for none.</summary>
    public static int? ReadMaxRules(CommandContext context, int? fallback)
    {
        string? text = context.Get(MaxRules);
        if (text is null)
            return fallback;
        if (text == "none")
            return null;
        return NumberText.TryWhole(text, out int rules) && rules > 0
            ? rules
            : throw new InvalidInputException($"--max-rules-per-layer {text}: expected a positive number, or none");
    }
}
