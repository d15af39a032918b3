using System.CommandLine;
using MoA.Cli.Output;
using MoA.Engine;

namespace MoA.Cli.Options;

/// <summary>Options of every command.</summary>
internal static class GlobalOptions
{
    public static Option<bool> Json { get; } = new("--json")
    {
        Description = "One JSON document on standard output, nothing else there",
        Recursive = true,
    };

    public static Option<bool> Quiet { get; } = new("--quiet", "-q")
    {
        Description = "No progress and no messages besides errors",
        Recursive = true,
    };

    public static Option<int?> Threads { get; } = new("--threads", "-t")
    {
        Description = "Threads (default: one for each processor); results do not depend on it",
        HelpName = "N",
        Recursive = true,
    };

    /// <summary>The threads asked for; null for one for each processor.</summary>
    public static int? ReadThreads(CommandContext context)
    {
        int? threads = context.Get(Threads);
        if (threads is < 1 or > 1024)
            throw new InvalidInputException($"--threads {threads}: expected a number from 1 to 1024");
        return threads;
    }

    public static Option<ulong?> Seed { get; } = new("--seed")
    {
        Description = "Seed of all that is drawn: sampled tokens, generated documents (default: 0)",
        HelpName = "N",
        Recursive = true,
    };
}
