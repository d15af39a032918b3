using MoA.Search.Optimization;

namespace MoA.Search.Tests.Optimization;

/// <summary>Sets of rules against all sets.</summary>
public sealed class RuleSetSearchTests
{
    private const int Heads = 7;
    private const int Rules = 9;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(9)]
    public void The_least_value_is_that_of_the_best_set(int greatestSet)
    {
        for (int seed = 0; seed < 60; seed++)
        {
            RuleSetSearch search = new(1, Heads, Rules, greatestSet);
            // Prices of heads are kept from call to call: the second problem starts with those of the first.
            foreach (int[] costs in new[] { Costs(2 * seed), Costs(2 * seed + 1) })
            {
                double best = AllSets(greatestSet).Min(set => Value(costs, set));
                (double value, bool isExact) = search.Least(0, Padded(costs, search.Stride), out int[] found);
                Assert.InRange(value, best * (1 - 1e-7), best * (1 + 1e-12));
                Assert.Equal(isExact ? value : best, Value(costs, found), 1e-6 * best);
                Assert.InRange(found.Distinct().Count(), 1, greatestSet);
            }
        }
    }

    [Theory]
    [InlineData(2, 1.0)]
    [InlineData(3, 1.1)]
    [InlineData(4, 1.05)]
    public void A_visit_misses_no_set_whose_rules_are_all_used_within_the_limit(int greatestSet, double factor)
    {
        for (int seed = 0; seed < 60; seed++)
        {
            int[] costs = Costs(seed);
            RuleSetSearch search = new(1, Heads, Rules, greatestSet);
            double[] padded = Padded(costs, search.Stride);
            double limit = search.Least(0, padded, out _).Value * factor;
            List<string> visited = [];
            Assert.True(search.Visit(0, padded, limit, set =>
            {
                visited.Add(string.Join(' ', set.Order()));
                return true;
            }));
            Assert.Distinct(visited);
            foreach (int[] set in AllSets(greatestSet))
            {
                if (LeastUsingAll(costs, set) <= limit)
                    Assert.Contains(string.Join(' ', set), visited);
            }
        }
    }

    [Fact]
    public void A_visitor_can_end_the_visit()
    {
        int[] costs = Costs(3);
        RuleSetSearch search = new(1, Heads, Rules, 3);
        double[] padded = Padded(costs, search.Stride);
        double least = search.Least(0, padded, out _).Value;
        int visits = 0;
        Assert.False(search.Visit(0, padded, 2 * least, _ => ++visits < 3));
        Assert.Equal(3, visits);
    }

    /// <summary>[Heads, Rules]; whole numbers make ties.</summary>
    private static int[] Costs(int seed)
    {
        Random random = new(seed);
        int range = seed % 3 == 0 ? 5 : 1_000_000;
        return [.. Enumerable.Range(0, Heads * Rules).Select(_ => 1 + random.Next(range))];
    }

    private static double[] Padded(int[] costs, int stride)
    {
        double[] padded = new double[Heads * stride];
        Array.Fill(padded, double.MaxValue / (Heads + 1));
        for (int i = 0; i < costs.Length; i++)
            padded[i / Rules * stride + i % Rules] = costs[i];
        return padded;
    }

    private static IEnumerable<int[]> AllSets(int greatestSet) => Enumerable.Range(1, (1 << Rules) - 1)
        .Select(bits => Enumerable.Range(0, Rules).Where(rule => (bits >> rule & 1) != 0).ToArray())
        .Where(set => set.Length <= greatestSet);

    private static double Value(int[] costs, int[] set) =>
        Enumerable.Range(0, Heads).Sum(head => set.Min(rule => (double)costs[head * Rules + rule]));

    /// <summary>The cheapest choice that uses every rule of the set, over all choices of a head for each rule.</summary>
    private static double LeastUsingAll(int[] costs, int[] set) => LeastUsing(costs, set, 0, 0);

    private static double LeastUsing(int[] costs, int[] set, int place, int taken)
    {
        if (place == set.Length)
        {
            return Enumerable.Range(0, Heads).Where(head => (taken >> head & 1) == 0)
                .Sum(head => set.Min(rule => (double)costs[head * Rules + rule]));
        }

        return Enumerable.Range(0, Heads).Where(head => (taken >> head & 1) == 0)
            .Select(head => costs[head * Rules + set[place]] + LeastUsing(costs, set, place + 1, taken | 1 << head))
            .DefaultIfEmpty(double.PositiveInfinity).Min();
    }
}
