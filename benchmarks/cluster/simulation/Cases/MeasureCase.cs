using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.DependencyInjection;
using MoA.Cluster.Conversations;
using MoA.Cluster.Hosting;
using MoA.Cluster.Members;
using MoA.Engine.Configuration;
using MoA.Engine.Models;
using MoA.Search.Calibration;
using MoA.Search.Profiling;
using MoA.Search.Units;
using Orleans;
using Orleans.Runtime;
using Orleans.Serialization;
using Orleans.Storage;

namespace MoA.Cluster.Simulation.Cases;

/// <summary>Measures what a cluster's own work takes, for costs.json: two members in this process that talk over loopback, and a database where one is named.</summary>
internal static class MeasureCase
{
    private const int Calls = 4000, AtOnce = 64, Reports = 1000, Writes = 500;

    public static void Run(Settings settings)
    {
        string cluster = settings.Text("cluster") ?? $"localhost:{FreePort()}";
        settings.RefuseOthers();
        MeasureAsync(ClusterConnection.Parse(cluster)).GetAwaiter().GetResult();
        MeasureResult();
    }

    private static async Task MeasureAsync(ClusterConnection connection)
    {
        await using MemberHost one = await JoinAsync(connection, "one"), other = await JoinAsync(connection, "other");
        IMemberGrain grain = one.Grains.GetGrain<IMemberGrain>(other.Address.ToParsableString());
        for (int i = 0; i < Calls; i++)
            _ = await grain.Report();

        long start = Stopwatch.GetTimestamp();
        for (int i = 0; i < Calls; i++)
            _ = await grain.Report();
        Say("a call from one member to another and back, one after the other", Stopwatch.GetElapsedTime(start) / Calls);

        start = Stopwatch.GetTimestamp();
        TimeSpan processor = Environment.CpuUsage.TotalTime;
        await Task.WhenAll(Enumerable.Range(0, AtOnce).Select(async caller =>
        {
            for (int i = 0; i < Calls / AtOnce * 4; i++)
                _ = await grain.Report();
        }));
        int calls = Calls / AtOnce * AtOnce * 4;
        Say($"the same, {AtOnce} at once: elapsed", Stopwatch.GetElapsedTime(start) / calls);
        Say($"the same, {AtOnce} at once: processor time of both sides together", (Environment.CpuUsage.TotalTime - processor) / calls);

        MeasureReports(one);
        if (connection.Database is not null)
            await MeasureStorageAsync(one);
    }

    // What a table of all members costs whoever writes it and whoever reads it, for each member in it.
    private static void MeasureReports(MemberHost member)
    {
        Serializer<MemberReport[]> serializer = member.Services.GetRequiredService<Serializer<MemberReport[]>>();
        MemberReport report = member.State.Report() with
        {
            Models = [new MemberModel("org/model", new string('f', 64), 1L << 30)],
        };
        // Nothing in them is shared, as little is that comes from many machines.
        MemberReport[] table =
        [
            .. Enumerable.Range(0, Reports).Select(i => report with
            {
                Name = $"member-{i}",
                Address = $"10.0.{i / 256}.{i % 256}:11111@{i}",
                Conversations = new ConversationCounts
                {
                    Fingerprint = new string('f', 64),
                    Prefixes = [.. Enumerable.Range(1, 64).Select(prefix => (ulong)(prefix + 64 * i) * 0x9E3779B97F4A7C15)],
                },
            }),
        ];
        byte[] bytes = serializer.SerializeToArray(table);
        for (int round = 0; round < 20; round++)
            _ = serializer.Deserialize(serializer.SerializeToArray(table));
        long start = Stopwatch.GetTimestamp();
        for (int i = 0; i < Reports; i++)
            _ = member.State.Report();
        Say("making a report", Stopwatch.GetElapsedTime(start) / Reports);
        start = Stopwatch.GetTimestamp();
        for (int round = 0; round < 20; round++)
            bytes = serializer.SerializeToArray(table);
        Say("writing a member's report with 64 prefixes as one of a table", Stopwatch.GetElapsedTime(start) / 20 / Reports);
        start = Stopwatch.GetTimestamp();
        for (int round = 0; round < 20; round++)
            _ = serializer.Deserialize(bytes);
        Say("reading it", Stopwatch.GetElapsedTime(start) / 20 / Reports);
        Console.WriteLine($"| its bytes | {bytes.Length / Reports} |");
    }

    private static async Task MeasureStorageAsync(MemberHost member)
    {
        IGrainStorage storage = member.Services.GetRequiredKeyedService<IGrainStorage>(MemberHost.StorageName);
        foreach (int tokens in new[] { 300, 3000 })
        {
            GrainState<ConversationState> state = new() { State = new() { Member = "one", Length = tokens, Keys = [new string('0', 32)], Tokens = [new int[tokens]] } };
            GrainId id = GrainId.Create("measured", Guid.NewGuid().ToString("N"));
            await storage.ReadStateAsync("conversation", id, state);
            state.State = new() { Member = "one", Length = tokens, Keys = [new string('0', 32)], Tokens = [[.. Enumerable.Range(1000, tokens)]] };
            for (int i = 0; i < Writes / 5; i++)
                await storage.WriteStateAsync("conversation", id, state);
            long start = Stopwatch.GetTimestamp();
            for (int i = 0; i < Writes; i++)
                await storage.WriteStateAsync("conversation", id, state);
            Say($"storing a conversation of {tokens} written tokens, one after the other", Stopwatch.GetElapsedTime(start) / Writes);
            await storage.ClearStateAsync("conversation", id, state);
        }
    }

    // A profile of an item of 8,192 tokens of the 7B shape: read from its bytes, and added to the sum.
    private static void MeasureResult()
    {
        ModelConfig model = ModelShape.Parse("vicuna-7b");
        const int Tokens = 8192, Blocks = Tokens / 64;
        ProfileItem item = new(new int[Tokens + 1], null, "measured");
        byte[] result = new byte[sizeof(double) + (long)model.Layers * model.QueryHeads * (Blocks * (Blocks + 1) / 2) * sizeof(float)];
        ProfileAccumulator sum = new(model.Layers, model.QueryHeads, Tokens);
        sum.Add(InfluenceUnit.ReadResult(result, item, model));
        long start = Stopwatch.GetTimestamp();
        for (int i = 0; i < 5; i++)
            sum.Add(InfluenceUnit.ReadResult(result, item, model));
        TimeSpan each = Stopwatch.GetElapsedTime(start) / 5;
        Say($"taking in a profile of vicuna-7b at 8,192 tokens, {result.Length / 1e6:F1} MB", each);
        Console.WriteLine($"| the same, bytes a second | {result.Length / each.TotalSeconds:E2} |");
    }

    private static Task<MemberHost> JoinAsync(ClusterConnection connection, string name) =>
        MemberHost.JoinAsync(connection, new MemberOptions { Name = name, Version = "measured" }, static _ => { });

    private static int FreePort()
    {
        using Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }

    private static void Say(string what, TimeSpan each) => Console.WriteLine(FormattableString.Invariant($"| {what} | {each.TotalMicroseconds:F1} µs |"));
}
