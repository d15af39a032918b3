using MoA.Search.Calibration;
using MoA.Search.Validation;

namespace MoA.Search.Tests.Validation;

/// <summary>Plans of known losses race: who is worse beyond doubt stops, who may be the best goes on.</summary>
public sealed class PlanRaceTests
{
    [Fact]
    public void Plans_that_are_worse_beyond_doubt_stop_early_and_the_others_spend_the_items()
    {
        // Three plans differ by noise alone, one loses 0.3 more.
        EncodedItem[] items = [.. Enumerable.Range(0, 200).Select(i => Item(i, i % 2 == 0 ? "a" : "b"))];
        PlanRace race = new(items);
        (EncodedItem[] Items, double[] Losses)[] run = race.Run(4, (plans, round) => [.. plans.Select(plan => round.Select(item => Loss(plan, item)).ToArray())]);
        Assert.Equal(200, run[0].Losses.Length);
        Assert.Equal(200, run[1].Losses.Length);
        Assert.Equal(PlanRace.FirstItems, run[2].Losses.Length);
        Assert.All(run, plan => Assert.Equal(plan.Losses, plan.Items.Select(item => Loss(Array.IndexOf(run, plan), item))));
        // Data sets take turns, so that every round has its share of each.
        Assert.InRange(run[2].Items.Count(item => item.Item.Dataset == "a"), 12, 13);
        Assert.Equal(0.3, race.Difference(run[2].Losses, run[0].Losses).Mean, 0.05);
        MeanInterval tie = race.Difference(run[1].Losses, run[0].Losses);
        Assert.InRange(0, tie.Low, tie.High);
    }

    [Theory]
    [InlineData(1, 3)]
    [InlineData(3, 1)]
    [InlineData(2, 30)]
    public void Every_item_counts_where_nothing_is_decided(int plans, int count)
    {
        EncodedItem[] items = [.. Enumerable.Range(0, count).Select(i => Item(i, null))];
        (EncodedItem[] Items, double[] Losses)[] run = new PlanRace(items).Run(plans, (left, round) => [.. left.Select(_ => round.Select(item => Loss(0, item)).ToArray())]);
        Assert.All(run, plan => Assert.Equal(count, plan.Losses.Length));
    }

    [Fact]
    public void The_chosen_plan_is_among_those_that_ran_to_the_end()
    {
        PolicyScore Score(double mean, int items) => new("", new MeanInterval(mean, mean, mean), 0.5, new double[items]);
        Assert.Equal(1, Validator.Choose([Score(0.1, 25), Score(0.2, 50), Score(0.3, 50)]));
    }

    private static double Loss(int plan, EncodedItem item)
    {
        int seed = item.Tokens[0];
        double common = new Random(seed).NextDouble(), own = new Random(1000 * (plan + 1) + seed).NextDouble() - 0.5;
        return common + (plan == 2 ? 0.3 : 0) + 0.1 * own;
    }

    private static EncodedItem Item(int seed, string? dataset) =>
        new([seed, 1], [false, true], new TokensItem([seed, 1], null) { Dataset = dataset, Origin = $"test:{seed}" });
}
