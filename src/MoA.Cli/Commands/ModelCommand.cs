using System.CommandLine;
using MoA.Cli.Output;

namespace MoA.Cli.Commands;

/// <summary><c>moa model</c>: looks into a model.</summary>
internal sealed class ModelCommand : Command
{
    public ModelCommand(Streams streams)
        : base("model", "Looks into a model folder.")
    {
        Subcommands.Add(new ModelInfoCommand(streams));
        Subcommands.Add(new ModelTokenizeCommand(streams));
    }
}
