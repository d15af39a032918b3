using MoA.Search.Optimization;

namespace MoA.Search.Tests.Optimization;

public sealed class RuleSetRelaxationTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void Bound_is_below_the_best_set_and_the_set_near_it(int setSize)
    {
        const int Heads = 7;
        const int Rules = 9;
        for (int seed = 0; seed < 40; seed++)
        {
            Random random = new(seed);
            double[] costs = [.. Enumerable.Range(0, Heads * Rules).Select(_ => random.NextDouble())];
            int[] set = new int[setSize];
            double bound = new RuleSetRelaxation(1, Heads, Rules, setSize).Bound(0, costs, Rules, set);
            double best = Best(costs, Heads, Rules, setSize);
            Assert.InRange(bound, 0.8 * best, best * (1 + 1e-12));
            Assert.InRange(Value(costs, Heads, Rules, set), best * (1 - 1e-12), 1.5 * best);
        }
    }

    private static double Best(double[] costs, int heads, int rules, int setSize)
    {
        double best = double.PositiveInfinity;
        for (int bits = 0; bits < 1 << rules; bits++)
        {
            int[] set = [.. Enumerable.Range(0, rules).Where(rule => (bits >> rule & 1) != 0)];
            if (set.Length == setSize)
                best = Math.Min(best, Value(costs, heads, rules, set));
        }

        return best;
    }

    private static double Value(double[] costs, int heads, int rules, int[] set) =>
        Enumerable.Range(0, heads).Sum(head => set.Min(rule => costs[head * rules + rule]));
}
