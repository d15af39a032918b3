using System.CommandLine;
using MoA.Cli.Output;
using MoA.Engine;
using MoA.Engine.Configuration;
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
        Description = "Tokens between the alphas to choose from (default: half of the shortest length)",
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
            Lengths, Extend, ValidateLength, Density, DensityAt, MaxRules, SamePerLayer, DensityFloor, AlphaInterval, AlphaCount,
            BetaCount,
        })
        {
            command.Options.Add(option);
        }
    }

    /// <summary>What the options ask for, with the model's defaults.</summary>
    public static SearchSettings Read(CommandContext context, ModelConfig config)
    {
        SearchSettings defaults = Defaults(context, config);
        SearchSettings settings = defaults with
        {
            ExtensionLengths = context.Get(Extend) is string extend ? Lists.Lengths("--extend", extend) : defaults.ExtensionLengths,
            ValidationLength = CalibrationOptions.Positive(context, ValidateLength) ?? defaults.ValidationLength,
            Density = context.Get(Density) is string density ? Lists.Density("--density", density) : defaults.Density,
            DensityAt = context.Get(DensityAt) is string at ? Lists.DensitiesAt("--density-at", at) : defaults.DensityAt,
            MaxRulesPerLayer = ReadMaxRules(context, defaults.MaxRulesPerLayer),
            SamePerLayer = context.Get(SamePerLayer),
            DensityFloor = context.Get(DensityFloor),
            AlphaInterval = context.Get(AlphaInterval),
            AlphaCount = context.Get(AlphaCount),
            BetaCount = context.Get(BetaCount) ?? defaults.BetaCount,
        };
        settings.Check(config);
        return settings;
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

    private static SearchSettings Defaults(CommandContext context, ModelConfig config) => SearchSettings.DefaultsFor(
        config, context.Get(Lengths) is string lengths ? Lists.Lengths("--lengths", lengths) : null);

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
