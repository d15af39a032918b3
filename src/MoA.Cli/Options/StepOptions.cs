using System.CommandLine;
using MoA.Cli.Output;
using MoA.Engine;
using MoA.Engine.Generation;
using MoA.Engine.Numerics;
using MoA.Evaluation.Estimates;
using MoA.Search.Pipeline;

namespace MoA.Cli.Options;

/// <summary>Options shared by the steps of a search.</summary>
internal static class StepOptions
{
    public static Option<string> Out { get; } = new("--out", "-o")
    {
        Description = "Folder to write to; what an interrupted run finished there is used again",
        HelpName = "DIR",
        DefaultValueFactory = _ => "moa-out",
    };

    public static Option<string?> MemoryLimit { get; } = new("--memory-limit")
    {
        Description = "Memory that profiling may take beside the weights, such as 1500MiB or 4GiB; what does not fit goes to a temporary " +
            "file in --out, which goes with the program (default: half of the machine's memory, or what a device has free)",
        HelpName = "SIZE",
    };

    /// <summary>The memory limit in bytes; null for the default.</summary>
    public static long? ReadMemoryLimit(CommandContext context) =>
        context.Get(MemoryLimit) is string size ? ByteSize.Parse("--memory-limit", size) : null;

    /// <summary>Reckons what a step takes, after measuring the model.</summary>
    public static SearchEstimate Estimate(CommandContext context, LanguageModel model, string folder, bool profiles = false)
    {
        ElementType cacheType = ModelOptions.CacheType(context);
        return new SearchEstimate(model, ModelSpeed.Measure(model, cacheType, profiles, context.Cancellation), cacheType, folder);
    }

    /// <summary>Reckons what a step takes in memory alone; nothing is measured.</summary>
    public static SearchEstimate MemoryEstimate(CommandContext context, LanguageModel model)
    {
        ElementType cacheType = ModelOptions.CacheType(context);
        return new SearchEstimate(model, ModelSpeed.Unmeasured(model, cacheType), cacheType, context.Get(Out)!);
    }

    /// <summary>The output folder, made if it is missing; not in a dry run.</summary>
    public static string OutFolder(CommandContext context) => OutFolder(context, Out);

    /// <summary>The folder that an option names, made if it is missing; not in a dry run.</summary>
    public static string OutFolder(CommandContext context, Option<string> option)
    {
        string folder = context.Get(option)!;
        if (!DryRun.Asked(context))
            OutputFolder.Create(folder);
        return folder;
    }
}
