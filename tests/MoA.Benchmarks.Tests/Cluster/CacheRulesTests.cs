using MoA.Cluster.Simulation.Serving;
using MoA.Engine.Attention;
using MoA.Engine.KvCache;
using MoA.Engine.Numerics;

namespace MoA.Benchmarks.Tests.Cluster;

public sealed class CacheRulesTests
{
    private static readonly int[] Lengths = [1, 63, 64, 129, 1000, 1024, 4097, 16384, 32768];

    [Theory]
    [InlineData(1)]
    [InlineData(0.75)]
    [InlineData(0.5)]
    [InlineData(0.25)]
    [InlineData(0.05)]
    public void Bytes_are_those_that_a_member_counts(double density)
    {
        CacheRules rules = CacheRules.Plan(Shapes.Model, density);
        ElasticRule[] heads = [.. rules.Groups.SelectMany(group => Enumerable.Repeat(group.Rule, group.Heads))];
        PlanPolicy policy = new(new AttentionPlan([.. heads.Chunk(Shapes.Model.KeyValueHeads)], HeadKind.KeyValue));

        foreach (int length in Lengths)
            Assert.Equal(SequenceCache.EstimatePeakBytes(Shapes.Model, policy, length, ElementType.BF16), rules.Bytes(length));
        Assert.InRange((double)rules.Bytes(32768) / Shapes.Dense.Bytes(32768), density - 0.01, density);
    }

    // By definition: each token sees those before it, or the rows of its head if these are fewer.
    [Fact]
    public void What_tokens_see_is_the_sum_of_each()
    {
        CacheRules plan = CacheRules.Plan(Shapes.Model, 0.5);
        double sum = 0;
        for (int token = 300; token < 3000; token++)
            sum += plan.Seen(token, 4000);

        Assert.InRange(plan.SeenBetween(300, 3000, 4000), sum, sum + 2700);
        Assert.Equal((3000.0 * 3000 - 300 * 300) / 2, Shapes.Dense.SeenBetween(300, 3000, 4000));
    }
}
