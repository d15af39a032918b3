using System.CommandLine;
using MoA.Cli.Output;

namespace MoA.Cli.Commands;

/// <summary><c>moa plan</c>: looks into plan files and converts them.</summary>
internal sealed class PlanCommand : Command
{
    public PlanCommand(Streams streams)
        : base("plan", "Looks into plan files and converts them.")
    {
        Subcommands.Add(new PlanShowCommand(streams));
        Subcommands.Add(new PlanConvertCommand(streams));
    }
}
