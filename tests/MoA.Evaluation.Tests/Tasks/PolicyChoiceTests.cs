using MoA.Engine.Attention;
using MoA.Engine.Models;
using MoA.Evaluation.Tasks;
using MoA.Search.Validation;

namespace MoA.Evaluation.Tests.Tasks;

public sealed class PolicyChoiceTests(DemoModel demo) : IClassFixture<DemoModel>
{
    [Theory]
    [InlineData(0.3, 512)]
    [InlineData(0.3, 1000)]
    [InlineData(0.77, 2048)]
    [InlineData(1, 300)]
    public void A_rivals_words_give_the_uniform_plan_of_equal_density(double share, int length)
    {
        ModelConfig config = demo.Model.Config;
        PolicyChoice plan = new(new StreamingLlmPolicy(new ElasticRule(0, share)), "plan", "plan");
        PolicyChoice rival = PolicyChoice.UniformRivalOf(plan, config, length);
        double density = UniformPlan.OfEqualDensity(plan.Policy, config, length).Density(config, length);
        Assert.Equal(density, rival.Policy.Density(config, length));
        Assert.Equal(density, PolicyChoice.Read(rival.Setting, null, config).Policy.Density(config, length));
    }

    [Fact]
    public void Plans_of_the_same_name_are_told_apart_by_their_content()
    {
        string[] files = [demo.NewPath(), demo.NewPath()];
        for (int i = 0; i < 2; i++)
        {
            string row(string value) => $"[{string.Join(',', Enumerable.Repeat($"[{string.Join(',', Enumerable.Repeat(value, 8))}]", 4))}]";
            File.WriteAllText(files[i], $"{{\"alphas\":{row($"{128 + 64 * i}")},\"betas\":{row("0")}}}");
        }

        PolicyChoice[] plans = [.. files.Select(file => PolicyChoice.Read(null, file, demo.Model.Config))];
        Assert.NotEqual(plans[0].Identity, plans[1].Identity);
        Assert.NotEqual(plans[0].Label, plans[1].Label);
        Assert.Equal($"moa {files[0]}", plans[0].Setting);
    }
}
