using System.Globalization;
using MoA.Engine;
using MoA.Evaluation.Needle;
using MoA.Evaluation.Tasks;

namespace MoA.Evaluation.Tests.Needle;

public sealed class NeedleTaskTests(DemoModel demo) : IClassFixture<DemoModel>
{
    [Theory]
    [InlineData(256, 11)]
    [InlineData(1024, 5)]
    [InlineData(512, 1)]
    public void Needles_stand_at_their_depths_in_prompts_of_the_length(int length, int depths)
    {
        EvaluationSet set = new NeedleTask(demo.Model, new NeedleOptions { Depths = depths, ItemsPerCell = 2 }).Create(length, 1);
        Assert.Equal(2 * depths, set.Items.Count);
        Assert.Equal(set.Items.Count, set.Items.Select(item => item.Reference.Answers[0]).Distinct().Count());
        for (int i = 0; i < set.Items.Count; i++)
        {
            EvaluationItem item = set.Items[i];
            Assert.InRange(item.Length, length - 48, length);
            string text = demo.Model.RequireTokenizer().Decode(item.Prompt, skipSpecialTokens: true);
            string[] lines = text.Split('\n');
            string needle = string.Create(CultureInfo.InvariantCulture, $"The secret passkey is {item.Reference.Answers[0]}. Remember it.");
            int header = Array.FindIndex(lines, line => line.Contains("There is a secret", StringComparison.Ordinal));
            int question = Array.FindIndex(lines, line => line.Contains("What is the secret passkey?", StringComparison.Ordinal));
            int at = Array.IndexOf(lines, needle) - header - 1, others = question - header - 2;
            double depth = depths == 1 ? 0.5 : (double)(i % depths) / (depths - 1);
            Assert.Equal(depth, item.Reference.Depth);
            Assert.Equal(Math.Min((int)(depth * (others + 1)), others), at);
        }
    }

    [Fact]
    public void The_demo_model_finds_most_and_the_heat_map_has_all_depths()
    {
        EvaluationSet set = new NeedleTask(demo.Model, new NeedleOptions { Depths = 5, ItemsPerCell = 2 }).Create(512, 0);
        EvaluationMetrics metrics = new EvaluationRun(demo.Model, new EvaluationSettings { Folder = demo.NewPath() }).Run(set, PolicyChoice.Dense);
        Assert.InRange(metrics.Accuracy!.Value, 0.7, 1); // its card: 97 % of passkeys at 512
        Assert.Equal(5, metrics.ByDepth!.Count);
        Assert.All(metrics.ByDepth, share => Assert.NotNull(share));
    }

    [Fact]
    public void Own_needles_and_haystacks()
    {
        NeedleOptions options = new()
        {
            Needle = "The best tea is in the blue tin.",
            Question = "Where is the best tea?",
            Answer = "blue tin",
            Haystack = ["hay one", "hay two"],
            Depths = 2,
        };
        EvaluationSet set = new NeedleTask(demo.Model, options).Create(256, 0);
        Assert.Equal("contains", set.Metric);
        string first = demo.Model.RequireTokenizer().Decode(set.Items[0].Prompt, skipSpecialTokens: true);
        Assert.Contains("tin.\nhay ", first, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", first, StringComparison.Ordinal);
        Assert.Throws<InvalidInputException>(() => new NeedleTask(demo.Model, options with { Answer = null }).Create(256, 0));
        Assert.Throws<InvalidInputException>(() => new NeedleTask(demo.Model, options with { Haystack = [] }).Create(256, 0));
        Assert.Throws<InvalidInputException>(() => new NeedleTask(demo.Model, new NeedleOptions()).Create(64, 0));
    }
}
