using FsCheck;
using FsCheck.Fluent;
using MoA.Cluster.Simulation;
using MoA.Cluster.Simulation.Placements;
using MoA.Cluster.Simulation.Serving;
using MoA.Tests;

namespace MoA.Benchmarks.Tests.Cluster;

public sealed class ServingSimulationTests
{
    private static Gen<(ClusterSettings Settings, IPlacement Placement)> Clusters =>
        from members in Gen.Choose(1, 9)
        from placement in Gen.Elements(Placement.All.ToArray())
        from density in Gen.Elements(0.25, 0.5, 1)
        from mebibytes in Gen.Choose(100, 2000)
        from rate in Gen.Choose(5, 80)
        from age in Gen.Elements(0.0, 0.1, 1, 10)
        from death in Gen.Elements(double.PositiveInfinity, 2000, 300)
        from drain in Gen.Elements(double.PositiveInfinity, 100)
        from swing in Gen.Elements(0, 0.9)
        from queue in Gen.Elements(0, 3, 256)
        from seed in Gen.Choose(1, 1 << 20)
        select (new ClusterSettings
        {
            Members = members,
            Member = new()
            {
                Costs = Costs.Read().Member,
                Rules = CacheRules.Plan(Shapes.Model, density),
                CacheBytes = (long)mebibytes << 20,
                ReportSeconds = age,
                QueueLength = 1 + queue,
            },
            Workload = new() { ConversationsPerSecond = rate * members / 1000.0, Systems = 5, DailySwing = swing },
            Conversations = 150,
            MeanSecondsToDeath = death,
            SecondsBetweenDrains = drain,
            Seed = (ulong)seed,
        }, placement);

    // Whatever happens: every request ends or is refused, every conversation is over, and no member ever has more bytes than it may.
    [Fact]
    public void Nothing_is_lost_and_memory_is_never_exceeded() =>
        Prop.ForAll(Clusters.ToArbitrary(), cluster =>
        {
            ServingResult result = new ServingSimulation(cluster.Settings, cluster.Placement).Run();
            Assert.Equal(result.Asked, result.Ended + result.Refused + result.GaveUp);
            Assert.Equal((150, 150), (result.Conversations, result.ConversationsOver));
            Assert.InRange(result.PeakBytes, 0, cluster.Settings.Member.CacheBytes);
            Assert.InRange(result.Busy, 0, 1 + 1e-9);
            Assert.InRange(result.ReservedShare + result.KeptShare, 0, 1 + 1e-9);
            Assert.True(result.TokensReadAgain + result.SystemTokensRead <= result.TokensRead);
        }).Holds();

    [Fact]
    public void A_seed_gives_one_run() =>
        Prop.ForAll(Clusters.ToArbitrary(), cluster =>
        {
            ServingResult one = new ServingSimulation(cluster.Settings, cluster.Placement).Run(), other = new ServingSimulation(cluster.Settings, cluster.Placement).Run();
            Assert.Equal(
                (one.Events, one.TokensRead, one.TokensHeld, one.TokensWritten, one.Whole.Mean, one.Imbalance),
                (other.Events, other.TokensRead, other.TokensHeld, other.TokensWritten, other.Whole.Mean, other.Imbalance));
        }).Holds(20);

    // With room for all and nobody who dies, a conversation that stays is read once: what is read is what people said.
    [Fact]
    public void Nothing_is_read_again_where_there_is_room()
    {
        ClusterSettings settings = Settings(members: 4);

        ServingResult stays = new ServingSimulation(settings, Placement.Find("random")).Run();
        ServingResult moves = new ServingSimulation(settings, Placement.Find("random-turn")).Run();

        Assert.Equal(0, stays.TokensReadAgain);
        Assert.True(stays.SystemTokensRead <= 4 * settings.Workload.DrawSystems(settings.Seed).Sum());
        Assert.True(moves.TokensReadAgain > stays.TokensRead);
    }

    // The same people ask the same under every placement.
    [Fact]
    public void Every_placement_has_the_same_work()
    {
        ClusterSettings settings = Settings(members: 4);
        ServingResult[] results = [.. Placement.All.Select(placement => new ServingSimulation(settings, placement).Run())];

        Assert.All(results, result => Assert.Equal((results[0].Asked, 0, 0), (result.Asked, result.Refused, result.GaveUp)));
    }

    // A member that dies costs the reading of what it held, and no request.
    [Fact]
    public void Deaths_and_drains_lose_no_request()
    {
        ClusterSettings settings = Settings(members: 8) with { MeanSecondsToDeath = 4000, SecondsBetweenDrains = 200 };

        ServingResult result = new ServingSimulation(settings, Placement.Find("by-caches")).Run();

        Assert.Equal((result.Asked, 0, 0), (result.Ended, result.Refused, result.GaveUp));
        Assert.True(result.Interrupted > 0);
        Assert.True(result.TokensReadAgain > 0);
        Assert.True(result.Placed > settings.Conversations);
    }

    private static ClusterSettings Settings(int members) => new()
    {
        Members = members,
        Member = new() { Costs = Costs.Read().Member, Rules = Shapes.Dense, CacheBytes = 1L << 40 },
        Workload = new() { ConversationsPerSecond = 0.01 * members },
        Conversations = 500,
    };
}
