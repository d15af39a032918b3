using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.DependencyInjection;
using MoA.Cluster.Hosting;
using MoA.Cluster.Members;
using MoA.Cluster.Schema;
using MoA.Engine;
using MoA.Tests;
using Orleans;
using Orleans.Runtime;
using Orleans.Storage;

namespace MoA.Cluster.Tests;

/// <summary>Members that join, are seen, and leave: through a database, and without one.</summary>
public sealed class MembershipTests(PostgreSql postgres) : IClassFixture<PostgreSql>
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    [Fact]
    public async Task Members_of_this_machine_find_each_other_without_a_database()
    {
        ClusterConnection connection = LocalConnection();
        await using MemberHost first = await Join(connection, "first"), second = await Join(connection, "second");
        await using ClusterClient client = await ClusterClient.ConnectAsync(connection, null, Patience, Fail);
        Assert.Equal(["first", "second"], (await MemberList.ReadAsync(client.Grains)).Select(member => member.Name));
        await second.StopAsync();
        Assert.Equal(["first"], (await MemberList.ReadAsync(client.Grains)).Select(member => member.Name));
    }

    [Fact]
    public async Task Members_find_each_other_through_a_database()
    {
        if (!postgres.IsThere)
            return;
        ClusterConnection connection = ClusterConnection.Parse(postgres.CreateDatabase());
        string message = (await Assert.ThrowsAsync<InvalidInputException>(() => Join(connection, "early"))).Message;
        Assert.Contains("moa cluster setup", message, StringComparison.Ordinal);
        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => ClusterSchema.SetUpAsync(connection)));

        await using MemberHost first = await Join(connection, "first");
        await using MemberHost second = await Join(connection, "second");
        await using ClusterClient client = await ClusterClient.ConnectAsync(connection, null, Patience, Fail);
        IReadOnlyList<MemberReport> members = await MemberList.ReadAsync(client.Grains);
        Assert.Equal(["first", "second"], members.Select(member => member.Name));
        Assert.Equal([first.Address.ToParsableString(), second.Address.ToParsableString()], members.Select(member => member.Address));

        await client.Grains.GetGrain<IMemberGrain>(second.Address.ToParsableString()).Drain();
        await second.UntilAskedToLeaveAsync(CancellationToken.None).WaitAsync(Patience);
        Assert.True((await MemberList.ReadAsync(client.Grains)).Single(member => member.Name == "second").IsDraining);
        await second.StopAsync();
        _ = await Assert.ThrowsAsync<MemberLostException>(() => client.Grains.GetGrain<IMemberGrain>(second.Address.ToParsableString()).Report());
    }

    /// <summary>Orleans asks every silo at random moments; what our queries answer is what its own would.</summary>
    [Fact]
    public async Task What_grains_store_is_there_for_who_reads_it_and_two_writers_do_not_overwrite_each_other()
    {
        if (!postgres.IsThere)
            return;
        ClusterConnection connection = ClusterConnection.Parse(postgres.CreateDatabase());
        await ClusterSchema.SetUpAsync(connection);
        await using MemberHost member = await Join(connection, "one");
        var storage = member.Services.GetRequiredKeyedService<IGrainStorage>(MemberHost.StorageName);
        GrainId id = GrainId.Create("test", "a/conversation"), other = GrainId.Create("test", "another");

        GrainState<List<string>> read = new();
        await storage.ReadStateAsync("state", id, read);
        Assert.False(read.RecordExists);
        GrainState<List<string>> first = new(["eins"]), late = new(["zu spät"]);
        await storage.WriteStateAsync("state", id, first);
        _ = await Assert.ThrowsAsync<Orleans.Storage.InconsistentStateException>(() => storage.WriteStateAsync("state", id, late));
        first.State = ["zwei"];
        await storage.WriteStateAsync("state", id, first);
        await storage.ReadStateAsync("state", id, read);
        Assert.Equal(["zwei"], read.State!);
        Assert.Equal((first.ETag, true), (read.ETag, read.RecordExists));
        GrainState<List<string>> none = new();
        await storage.ReadStateAsync("state", other, none);
        Assert.False(none.RecordExists);
        GrainState<List<string>> stale = new(["alt"]) { ETag = "1" };
        _ = await Assert.ThrowsAsync<Orleans.Storage.InconsistentStateException>(() => storage.WriteStateAsync("state", id, stale));
        await storage.ClearStateAsync("state", id, read);
        await storage.ReadStateAsync("state", id, none);
        Assert.Empty(none.State!);
    }

    [Fact]
    public async Task Who_has_another_secret_or_none_is_not_let_in()
    {
        if (!postgres.IsThere)
            return;
        ClusterConnection connection = ClusterConnection.Parse(postgres.CreateDatabase());
        await ClusterSchema.SetUpAsync(connection);
        using ClusterSecurity secret = ClusterSecurity.OfSecret("the secret of this cluster, not short", "a"),
            other = ClusterSecurity.OfSecret("the secret of another one, not short", "b");
        await using MemberHost first = await Join(connection, "first", secret);
        await using MemberHost second = await Join(connection, "second", secret);
        await using (ClusterClient client = await ClusterClient.ConnectAsync(connection, secret, Patience, Fail))
            Assert.Equal(2, (await MemberList.ReadAsync(client.Grains)).Count);
        foreach (ClusterSecurity? wrong in new[] { other, null })
        {
            string message = (await Assert.ThrowsAsync<InvalidInputException>(
                () => ClusterClient.ConnectAsync(connection, wrong, TimeSpan.FromSeconds(1), _ => { }))).Message;
            Assert.Contains("no member of the cluster answers", message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Where_another_program_listens_nobody_waits_for_ever()
    {
        using TcpListener other = new(IPAddress.Loopback, 0);
        other.Start();
        int port = ((IPEndPoint)other.LocalEndpoint).Port;
        string message = (await Assert.ThrowsAsync<InvalidInputException>(() => MemberHost.JoinAsync(
            ClusterConnection.Parse($"localhost:{port}"),
            new MemberOptions { Name = "x", Version = "test", LongestJoin = TimeSpan.FromSeconds(2), Note = _ => { } }, _ => { }))).Message;
        Assert.StartsWith($"localhost:{port}: no member of a cluster listens there", message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_is_wrong_with_a_database_is_one_line()
    {
        string closed = $"postgresql://moa@127.0.0.1:{FreePort()}/moa";
        foreach (string text in postgres.IsThere ? new[] { closed, postgres.CreateDatabase() + "-not" } : [closed])
        {
            ClusterConnection connection = ClusterConnection.Parse(text);
            foreach (Func<Task> attempt in new Func<Task>[] { () => ClusterSchema.SetUpAsync(connection), () => Join(connection, "x") })
            {
                string message = (await Assert.ThrowsAsync<InvalidInputException>(attempt)).Message;
                Assert.StartsWith($"{connection.Description}: the database cannot be used (", message, StringComparison.Ordinal);
                Assert.DoesNotContain('\n', message);
            }
        }
    }

    private static Task<MemberHost> Join(ClusterConnection connection, string name, ClusterSecurity? security = null) =>
        MemberHost.JoinAsync(connection, new MemberOptions { Name = name, Version = "test", Security = security, Note = Fail }, _ => { });

    private static void Fail(string line) => Assert.Fail(line);

    private static ClusterConnection LocalConnection() => ClusterConnection.Parse($"localhost:{FreePort()}");

    private static int FreePort() => ClusterPorts.Choose(IPAddress.Loopback, 0).Members;
}
