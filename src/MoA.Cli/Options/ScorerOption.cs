using System.CommandLine;
using MoA.Cli.Output;
using MoA.Engine;
using MoA.Engine.Attention.Policies;

namespace MoA.Cli.Options;

/// <summary>By which scores the heads of a plan choose their rows.</summary>
internal static class ScorerOption
{
    /// <summary>The option.</summary>
    public static readonly Option<string?> Option = new("--scorer")
    {
        Description = $"For plans with content inside, whose heads keep the best rows by a score: {ContentPlanReader.Scorers}[,key=value…] (docs/policies.md)",
        HelpName = "NAME",
    };

    /// <summary>The scorer, or null.</summary>
    /// <exception cref="InvalidInputException">There is no such scorer for plans, or it does not take such settings.</exception>
    public static string? Read(CommandContext context)
    {
        string? scorer = context.Get(Option);
        if (scorer is not null)
            ContentPlanReader.Check(scorer, $"--scorer {scorer}");
        return scorer;
    }
}
