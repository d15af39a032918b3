using System.CommandLine;
using System.Runtime.CompilerServices;
using MoA.Cli.Options;
using MoA.Cli.Output;
using MoA.Cluster;
using MoA.Cluster.Hosting;
using MoA.Cluster.Members;
using MoA.Engine;

namespace MoA.Cli.Commands;

/// <summary><c>moa cluster drain</c>: lets a member end what it has begun, and leave.</summary>
internal sealed class ClusterDrainCommand : CliCommand
{
    private readonly Argument<string> _name = new("name") { Description = "The member's name, or its address, as 'moa cluster status' shows them" };

    public ClusterDrainCommand(Streams streams)
        : base("drain", "Asks a member to leave: it takes nothing new, its conversations go on elsewhere, what is being written ends, and then its process ends.", streams)
    {
        Examples = ["moa cluster drain gpu-7 --cluster postgresql://moa@db.example.org/moa"];
        Arguments.Add(_name);
        ClusterOptions.AddTo(this);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    protected override void Run(CommandContext context) => DrainAsync(context).GetAwaiter().GetResult();

    private async Task DrainAsync(CommandContext context)
    {
        string name = context.Get(_name)!;
        ClusterConnection connection = ClusterOptions.ReadConnection(context);
        using ClusterSecurity? security = ClusterOptions.ReadSecurity(context);
        await using ClusterClient client = await ClusterOptions.ConnectAsync(context, connection, security);
        MemberReport[] found = [.. (await MemberList.ReadAsync(client.Grains)).Where(member => member.Name == name || member.Endpoint == name)];
        if (found.Length != 1)
        {
            throw new InvalidInputException(found.Length == 0
                ? $"{name}: no member of {connection.Description} is called so; 'moa cluster status' lists them"
                : $"{name}: {found.Length} members are called so; give an address: {string.Join(", ", found.Select(member => member.Endpoint))}");
        }

        await client.Grains.GetGrain<IMemberGrain>(found[0].Address).Drain();
        if (context.Json)
        {
            context.WriteJson(writer =>
            {
                writer.WriteString("name", found[0].Name);
                writer.WriteString("address", found[0].Endpoint);
            });
        }
        else
        {
            context.Output.WriteLine($"{found[0].Name} at {found[0].Endpoint} is leaving");
        }
    }
}
