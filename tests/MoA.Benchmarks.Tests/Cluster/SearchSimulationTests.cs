using FsCheck;
using FsCheck.Fluent;
using MoA.Cluster.Simulation.Events;
using MoA.Cluster.Simulation.Searching;
using MoA.Tests;

namespace MoA.Benchmarks.Tests.Cluster;

public sealed class SearchSimulationTests
{
    // Equal units on equal members: as many rounds as there are units for each.
    [Theory]
    [InlineData(1, 10, 100)]
    [InlineData(8, 80, 100)]
    [InlineData(8, 81, 110)]
    [InlineData(7, 50, 80)]
    public void Equal_units_take_whole_rounds(int members, int units, double expected)
    {
        foreach (bool inOrder in new[] { false, true })
            Assert.Equal(expected, Run(Settings(members, units) with { InOrder = inOrder }).Seconds, 1e-9);
    }

    // One member at half the speed does half as much: 2 + 1 units in 20 s.
    [Fact]
    public void A_slow_member_does_less()
    {
        SearchResult result = Run(Settings(2, 300) with { Slowness = new Alternating([1, 2]), InOrder = false });

        Assert.InRange(result.Seconds, 2000, 2020);
    }

    // A link that takes a second for a result is what 20 members of 10 s a unit wait for: the last of 200 results comes a second after all others.
    [Fact]
    public void The_link_bounds_what_many_can_do()
    {
        SearchResult result = Run(Settings(20, 200) with { ResultBytes = 1e8, BytesPerSecond = 1e8 });

        Assert.InRange(result.Seconds, 200, 211);
        Assert.InRange(result.LinkBusy, 0.94, 1);
    }

    // A member alone that dies at random moments begins a unit again: (e^(t/m) - 1)·(m + r) seconds for a unit of t, deaths every m, r to come back.
    [Fact]
    public void Deaths_cost_what_they_must()
    {
        const double Death = 20, Restart = 5, Unit = 10;
        const int Units = 20_000;
        double[] each = [.. Enumerable.Range(1, 10).Select(seed => Run(Settings(1, Units / 10) with
        {
            MeanSecondsToDeath = Death,
            RestartSeconds = Restart,
            DetectionSeconds = 1,
            Seed = (ulong)seed,
        }).Seconds / (Units / 10))];

        double mean = each.Average(), error = Math.Sqrt(each.Sum(value => (value - mean) * (value - mean)) / 9 / 10);
        Assert.InRange((Math.Exp(Unit / Death) - 1) * (Death + Restart), mean - 4 * error, mean + 4 * error);
        Assert.True(error < mean / 50);
    }

    // Never faster than the work allows, and in order the coordinator holds no more than the window of two units for each member.
    [Fact]
    public void Nothing_is_done_faster_than_it_can_be() =>
        Prop.ForAll(
            (from members in Gen.Choose(1, 12)
             from units in Gen.Choose(1, 60)
             from death in Gen.Elements(double.PositiveInfinity, 100, 20)
             from bytes in Gen.Elements(0, 1e7, 1e9)
             from coordinator in Gen.Elements(0, 0.1, 3)
             from inOrder in Gen.Elements(true, false)
             from seed in Gen.Choose(1, 1 << 20)
             select Settings(members, units) with
             {
                 UnitSeconds = new Distribution.Lognormal(10, 0.7),
                 Slowness = new Distribution.Lognormal(1, 0.5),
                 MeanSecondsToDeath = death,
                 ResultBytes = bytes,
                 BytesPerSecond = 1e8,
                 CoordinatorSeconds = coordinator,
                 DetectionSeconds = 3,
                 RestartSeconds = 10,
                 InOrder = inOrder,
                 Seed = (ulong)seed,
             }).ToArbitrary(),
            settings =>
            {
                SearchResult result = Run(settings);
                Assert.True(result.Seconds >= settings.Units * Math.Max(settings.CoordinatorSeconds, settings.ResultBytes / settings.BytesPerSecond) - 1e-6);
                Assert.InRange(result.LinkBusy, 0, 1 + 1e-9);
                Assert.InRange(result.CoordinatorBusy, 0, 1 + 1e-9);
                Assert.InRange(result.MostHeld, 0, settings.InOrder ? 2 * settings.Members : 1);
                Assert.True(double.IsFinite(settings.MeanSecondsToDeath) || result.Lost == 0);
                Assert.Equal(result, Run(settings));
            }).Holds();

    private static SearchSettings Settings(int members, int units) =>
        new() { Members = members, Units = units, UnitSeconds = new Distribution.Constant(10) };

    private static SearchResult Run(SearchSettings settings) => new SearchSimulation(settings).Run();

    private sealed record Alternating(double[] Values) : Distribution
    {
        private int _next;

        public override double Mean => Values.Average();

        public override double Draw(ref Randomness random) => Values[_next++ % Values.Length];
    }
}
