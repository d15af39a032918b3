using System.CommandLine;
using MoA.Cli.Output;

namespace MoA.Cli.Commands;

/// <summary><c>moa eval</c>: accuracy of a model under a policy.</summary>
internal sealed class EvalCommand : Command
{
    public EvalCommand(Streams streams)
        : base("eval", "Measures what a model still gets right under a plan or another policy.") =>
        Subcommands.Add(new EvalRetrievalCommand(streams));
}
