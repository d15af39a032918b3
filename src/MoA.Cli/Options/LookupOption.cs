using System.CommandLine;
using System.Globalization;
using MoA.Cli.Output;
using MoA.Engine.Attention;
using MoA.Engine.Generation;

namespace MoA.Cli.Options;

/// <summary>The option of commands that may draft tokens from the text's own words.</summary>
internal static class LookupOption
{
    public static Option<bool> Option { get; } = new("--lookup")
    {
        Description = "Draft tokens from what prompt and output say already, and verify several in one step: the same text, sooner where it " +
            "repeats what was read. Rests while drafts do not pay; does nothing on other devices, and under policies that go by attention",
    };

    /// <summary>Whether it is asked for and can be done; says why if it cannot.</summary>
    public static bool Read(CommandContext context, LanguageModel model, AttentionPolicy policy)
    {
        if (!context.Get(Option))
            return false;
        if (model.WhyNoLookup(policy) is not string reason)
            return true;
        context.Note($"moa: --lookup is off: {reason}");
        return false;
    }

    /// <summary>What came of it, for the line after a text; empty if nothing was to be drafted.</summary>
    public static string Describe(GenerationResult result) => result.Lookup is LookupCounts counts
        ? string.Create(CultureInfo.InvariantCulture, $", {counts.TokensPerStep:F2} tokens a step ({counts.Accepted} of {counts.Drafted} drafts accepted)")
        : "";
}
