using MoA.Engine.Attention;
using MoA.Engine.Configuration;
using MoA.Evaluation.Needle;
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
        Assert.Equal(((StreamingLlmPolicy)rival.Policy).Rule, ((StreamingLlmPolicy)PolicyChoice.Read(rival.Setting, null, config).Policy).Rule);
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

    /// <summary>A plan that names its scorer runs by content, and results say so.</summary>
    [Fact]
    public void A_plans_own_scorer_stands_in_its_setting()
    {
        string file = demo.NewPath();
        AttentionPlan plan = AttentionPlan.Uniform(demo.Model.Config.Layers, demo.Model.Config.KeyValueHeads, HeadKind.KeyValue, new ElasticRule(128, 0));
        PlanFile.Save(file, new PlanDocument(plan) { Scorer = "keydiff" });
        PolicyChoice own = PolicyChoice.Read(null, file, demo.Model.Config), same = PolicyChoice.Read("moa", file, demo.Model.Config),
            given = PolicyChoice.Read("moa:scorer=expected-attention", file, demo.Model.Config);
        Assert.Equal(($"moa:scorer=keydiff {file}", own), (own.Setting, same with { Policy = own.Policy }));
        Assert.StartsWith("moa-", own.Label, StringComparison.Ordinal);
        Assert.Equal($"moa:scorer=expected-attention {file}", given.Setting);
    }

    /// <summary>A file of patterns counts by what is in it, wherever it stands; the rest by what is written.</summary>
    [Fact]
    public void Prefill_policies_are_told_apart_by_what_they_do()
    {
        PolicyChoice first = Read("30, 800, 1", "snapkv:density=0.5+minference:patterns={0},piece=256");
        PolicyChoice same = Read("30, 800, 2", "snapkv:density=0.5+minference:patterns={0},piece=256"); // another score, the same patterns
        PolicyChoice other = Read("30, 801, 1", "snapkv:density=0.5+minference:patterns={0},piece=256");
        PolicyChoice plain = PolicyChoice.Read("snapkv:density=0.5", null, demo.Model.Config);
        PolicyChoice alone = PolicyChoice.Read("xattention", null, demo.Model.Config);
        Assert.Equal((first.Identity, first.Label), (same.Identity, same.Label));
        Assert.StartsWith("snapkv:density=0.5+minference:piece=256-", first.Label, StringComparison.Ordinal);
        Assert.Equal("dense+xattention", alone.Label);
        Assert.Equal(PolicyChoice.Read("dense+xattention", null, demo.Model.Config).Identity, alone.Identity);
        Assert.Equal(4, new[] { first, other, plain, alone }.DistinctBy(choice => choice.Identity).Count());
        Assert.Equal(4, new[] { first, other, plain, alone }.DistinctBy(choice => choice.Label).Count());

        PolicyChoice Read(string numbers, string text)
        {
            string file = demo.NewPath();
            File.WriteAllText(file, $"[{string.Join(',', Enumerable.Repeat($"{{\"0\":[\"vertical_and_slash\", {numbers}]}}", 4))}]");
            return PolicyChoice.Read(string.Format(System.Globalization.CultureInfo.InvariantCulture, text, file), null, demo.Model.Config);
        }
    }

    /// <summary>Scores decide by the order that they put the heads in, wherever they were read from.</summary>
    [Fact]
    public void Two_classes_of_heads_are_told_apart_by_the_order_of_their_scores()
    {
        PolicyChoice first = Read("8 7 6 5 4 3 2 1", "duo-attention:density=0.5,scores={0}");
        PolicyChoice same = Read("80 70 60 50 40 30 2 1", "duo-attention:scores={0},density=0.5");
        PolicyChoice other = Read("7 8 6 5 4 3 2 1", "duo-attention:density=0.5,scores={0}");
        PolicyChoice denser = Read("8 7 6 5 4 3 2 1", "duo-attention:density=0.6,scores={0}");
        Assert.Equal((first.Identity, first.Label), (same.Identity, same.Label));
        Assert.StartsWith("duo-attention:density=0.5 ", first.Identity, StringComparison.Ordinal);
        Assert.DoesNotContain("scores", first.Label, StringComparison.Ordinal);
        Assert.Equal(3, new[] { first, other, denser }.DistinctBy(choice => choice.Identity).Count());
        Assert.Equal(3, new[] { first, other, denser }.DistinctBy(choice => choice.Label).Count());

        PolicyChoice Read(string scores, string text)
        {
            string file = demo.NewPath();
            File.WriteAllLines(file, Enumerable.Repeat(scores, 4));
            return PolicyChoice.Read(string.Format(System.Globalization.CultureInfo.InvariantCulture, text, file), null, demo.Model.Config);
        }
    }

    /// <summary>What was answered under other scores in the same file is not taken for an answer under these.</summary>
    [Fact]
    public void Scores_that_change_are_measured_anew_and_those_that_come_back_are_known()
    {
        string scores = demo.NewPath(), folder = demo.NewPath();
        Assert.True(Tokens("8 7 6 5 4 3 2 1") > 0);
        Assert.Equal(0, Tokens("8 7 6 5 4 3 2 1"));
        Assert.True(Tokens("1 2 3 4 5 6 7 8") > 0);
        Assert.Equal(0, Tokens("8 7 6 5 4 3 2 1"));
        Assert.Equal(2, Directory.GetDirectories(folder).Length);

        long Tokens(string line)
        {
            File.WriteAllLines(scores, Enumerable.Repeat(line, 4));
            PolicyChoice choice = PolicyChoice.Read($"duo-attention:heads=0.25,streaming=128,scores={scores}", null, demo.Model.Config);
            long tokens = 0;
            _ = new EvaluationRun(demo.Model, new EvaluationSettings { Folder = folder }, step => tokens = step.Tokens).Run(
                new NeedleTask(demo.Model, new NeedleOptions { Depths = 1 }).Create(320, 0), choice);
            return tokens;
        }
    }
}
