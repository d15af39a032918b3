using System.Runtime.CompilerServices;
using MoA.Cli.Options;
using MoA.Cli.Output;
using MoA.Cluster;
using MoA.Cluster.Schema;

namespace MoA.Cli.Commands;

/// <summary><c>moa cluster setup</c>: the tables of a cluster.</summary>
internal sealed class ClusterSetupCommand : CliCommand
{
    public ClusterSetupCommand(Streams streams)
        : base("setup", "Creates the tables that the members of a cluster use in a PostgreSQL database, or brings them up to date. It may be run again at any time, and " +
            "needs a user who may create tables; members only read and write them.", streams)
    {
        Examples = ["moa cluster setup --cluster postgresql://moa@db.example.org/moa"];
        Options.Add(ClusterOptions.Cluster);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    protected override void Run(CommandContext context)
    {
        ClusterConnection connection = ClusterOptions.ReadConnection(context);
        ClusterSchema.SetUpAsync(connection, context.Cancellation).GetAwaiter().GetResult();
        if (context.Json)
            context.WriteJson(writer => writer.WriteString("database", connection.Description));
        else
            context.Output.WriteLine($"{connection.Description}: the tables of a cluster are there");
    }
}
