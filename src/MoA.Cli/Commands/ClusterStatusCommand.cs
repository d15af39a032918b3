using System.Globalization;
using System.Runtime.CompilerServices;
using MoA.Cli.Options;
using MoA.Cli.Output;
using MoA.Cluster;
using MoA.Cluster.Hosting;
using MoA.Cluster.Members;
using Spectre.Console;

namespace MoA.Cli.Commands;

/// <summary><c>moa cluster status</c>: members, models, work and memory.</summary>
internal sealed class ClusterStatusCommand : CliCommand
{
    public ClusterStatusCommand(Streams streams)
        : base("status", "Shows the members of a cluster: what they compute with, the models that they have loaded, units of searches, conversations, and memory.", streams)
    {
        Examples =
        [
            "moa cluster status --cluster localhost",
            "moa cluster status --cluster postgresql://moa@db.example.org/moa --cluster-secret-file secret.txt --json",
        ];
        ClusterOptions.AddTo(this);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    protected override void Run(CommandContext context) => ShowAsync(context).GetAwaiter().GetResult();

    private static async Task ShowAsync(CommandContext context)
    {
        ClusterConnection connection = ClusterOptions.ReadConnection(context);
        using ClusterSecurity? security = ClusterOptions.ReadSecurity(context);
        await using ClusterClient client = await ClusterOptions.ConnectAsync(context, connection, security);
        IReadOnlyList<MemberReport> members = await MemberList.ReadAsync(client.Grains);
        if (context.Json)
            WriteJson(context, connection, members);
        else
            WriteTable(context, members);
    }

    private static void WriteJson(CommandContext context, ClusterConnection connection, IReadOnlyList<MemberReport> members) => context.WriteJson(writer =>
    {
        writer.WriteString("cluster", connection.Description);
        writer.WriteObjects("members", members, static (writer, member) =>
        {
            writer.WriteString("name", member.Name);
            writer.WriteString("address", member.Endpoint);
            writer.WriteString("version", member.Version);
            writer.WriteString("arithmetic", member.Arithmetic);
            writer.WriteString("joined", member.Joined);
            writer.WriteBoolean("draining", member.IsDraining);
            writer.WriteNumber("threads", member.Threads);
            writer.WriteNumber("residentBytes", member.ResidentBytes);
            writer.WriteNumber("availableBytes", member.AvailableBytes);
            writer.WriteObjects("models", member.Models, static (writer, model) =>
            {
                writer.WriteString("name", model.Name);
                writer.WriteString("fingerprint", model.Fingerprint);
                writer.WriteNumber("weightBytes", model.WeightBytes);
            });
            writer.WriteStartObject("units");
            writer.WriteNumber("running", member.Units.Running);
            writer.WriteNumber("waiting", member.Units.Waiting);
            writer.WriteNumber("done", member.Units.Done);
            writer.WriteNumber("failed", member.Units.Failed);
            writer.WriteEndObject();
            writer.WriteStartObject("conversations");
            writer.WriteNumber("held", member.Conversations.Held);
            writer.WriteNumber("running", member.Conversations.Running);
            writer.WriteNumber("waiting", member.Conversations.Waiting);
            writer.WriteNumber("cacheBytes", member.Conversations.CacheBytes);
            writer.WriteNumber("cacheLimit", member.Conversations.CacheLimit);
            writer.WriteEndObject();
        });
    });

    private static void WriteTable(CommandContext context, IReadOnlyList<MemberReport> members)
    {
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(context.Output) });
        if (!console.Profile.Out.IsTerminal)
            console.Profile.Width = 200;
        Table table = new() { Border = TableBorder.Simple };
        foreach (string heading in new[] { "member", "address", "computes with", "models", "units (done)", "conversations", "caches, MiB", "memory, MiB (free)" })
            table.AddColumn(new TableColumn(heading));
        foreach (MemberReport member in members)
        {
            ConversationCounts talks = member.Conversations;
            string caches = talks.CacheLimit == 0 ? "-" : $"{Mebibytes(talks.CacheBytes)} of {Mebibytes(talks.CacheLimit)}";
            table.AddRow(
                [.. new[]
                {
                    member.IsDraining ? $"{member.Name} (leaving)" : member.Name, member.Endpoint, $"{member.Arithmetic}, {member.Threads} threads",
                    member.Models.Count == 0 ? "-" : string.Join(", ", member.Models.Select(model => model.Name)),
                    $"{member.Units.Running} + {member.Units.Waiting} ({member.Units.Done})", $"{talks.Held}, {talks.Running} writing, {talks.Waiting} waiting", caches,
                    $"{Mebibytes(member.ResidentBytes)} ({Mebibytes(member.AvailableBytes)})",
                }.Select(Markup.Escape)]);
        }

        console.Write(table);
    }

    private static string Mebibytes(long bytes) => (bytes / 1048576.0).ToString("N0", CultureInfo.InvariantCulture);
}
