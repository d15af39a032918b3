using FsCheck;
using FsCheck.Fluent;
using MoA.Engine.Attention;
using MoA.Engine.Configuration;
using MoA.Search.Validation;
using MoA.Tests;

namespace MoA.Search.Tests.Validation;

public sealed class UniformPlanTests(DemoModel demo) : IClassFixture<DemoModel>
{
    private readonly ModelConfig _demo = demo.Model.Config;

    /// <summary>Also for models whose layers have windows of their own, where a longer rule may store no more.</summary>
    [Fact]
    public void Stores_no_less_than_the_plan_and_less_than_a_block_more()
    {
        Gen<ElasticRule> rules =
            from alpha in Gen.Choose(-500, 500)
            from beta in Gen.Choose(0, 8)
            select new ElasticRule(alpha, beta / 8.0);
        Gen<(ElasticRule[][] Rules, int Length, int?[] Windows)> cases =
            from plan in rules.ArrayOf(_demo.KeyValueHeads).ArrayOf(_demo.Layers)
            from length in Gen.OneOf(Gen.Choose(1, 300), Gen.Choose(300, 3000))
            from windows in Gen.OneOf(Gen.Constant<int?>(null), Gen.Choose(64, 600).Select(window => (int?)window)).ArrayOf(_demo.Layers)
            select (plan, length, windows);
        Prop.ForAll(cases.ToArbitrary(), test =>
        {
            ModelConfig config = _demo.WithLayers((layer, index) => layer with { Window = test.Windows.Length == 0 ? null : test.Windows[index] });
            PlanPolicy plan = new(new AttentionPlan(test.Rules, HeadKind.KeyValue));
            StreamingLlmPolicy uniform = UniformPlan.OfEqualDensity(plan, config, test.Length);
            double wanted = plan.Density(config, test.Length), got = uniform.Density(config, test.Length);
            Assert.True(got >= wanted, $"{got} < {wanted}");
            int rows = uniform.RuleOf(0, 0, config, test.Length).Rows(test.Length);
            if (rows > 128)
            {
                double shorter = new StreamingLlmPolicy(new ElasticRule(rows - 64, 0)).Density(config, test.Length);
                Assert.True(shorter < wanted, $"{rows} rows, but {rows - 64} store {shorter} >= {wanted}");
            }
        }).Holds(200);
    }

    [Fact]
    public void Half_of_the_blocks_for_a_plan_that_keeps_half()
    {
        ElasticRule[] layer = [.. Enumerable.Range(0, _demo.KeyValueHeads).Select(head => new ElasticRule(head % 2 == 0 ? 256 : 768, 0))];
        PlanPolicy plan = new(new AttentionPlan([.. Enumerable.Repeat(layer, _demo.Layers)], HeadKind.KeyValue));
        Assert.Equal(512, UniformPlan.OfEqualDensity(plan, _demo, 1024).RuleOf(0, 0, _demo, 1024).Rows(1024));
        Assert.Equal(1024, UniformPlan.OfEqualDensity(new DensePolicy(), _demo, 1024).RuleOf(0, 0, _demo, 1024).Rows(1024));
    }
}
