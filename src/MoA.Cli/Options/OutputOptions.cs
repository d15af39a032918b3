using System.CommandLine;

namespace MoA.Cli.Options;

/// <summary>Options of every command.</summary>
internal static class OutputOptions
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
}
