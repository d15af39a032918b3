using MoA.Engine;
using MoA.Engine.Attention;
using MoA.Engine.Numerics;
using MoA.Evaluation.Perplexity;
using MoA.Evaluation.Tasks;
using MoA.Evaluation.Tests.Data;

namespace MoA.Evaluation.Tests.Perplexity;

public sealed class PerplexityTaskTests(DemoModel demo) : IClassFixture<DemoModel>
{
    [Fact]
    public void Decode_and_prefill_agree_for_dense_caches()
    {
        EvaluationSet set = new PerplexityTask(demo.Model, allTokens: false).Generate(256, 4, 2);
        double prefill = Run(set, PolicyChoice.Dense, decode: false), decode = Run(set, PolicyChoice.Dense, decode: true);
        Assert.Equal(prefill, decode, 4);

        // A window's decode steps see up to 63 tokens more than its prefill, so these differ, and both lose.
        PolicyChoice window = new(new StreamingLlmPolicy(new ElasticRule(128, 0)), "window", "window");
        Assert.NotEqual(Run(set, window, decode: false), Run(set, window, decode: true));
    }

    [Fact]
    public void Files_are_dealt_to_lengths_and_all_tokens_may_count()
    {
        string file = SampleFiles.Write(demo.NewPath(), "c.jsonl",
            """{"tokens":[1,2,3,4,5,6],"answers":[[3,5]]}""", """{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Yes."}]}""",
            $$"""{"tokens":[{{string.Join(',', Enumerable.Repeat(7, 100))}}],"answers":[[90,100]]}""");
        IReadOnlyList<EvaluationSet> sets = new PerplexityTask(demo.Model, false).Read(file, [64, 128], null);
        Assert.Equal([(64, 2), (128, 1)], sets.Select(set => (set.Length, set.Items.Count)));
        Assert.Equal([false, false, false, true, true, false], sets[0].Items[0].IsScored!);
        EvaluationSet all = Assert.Single(new PerplexityTask(demo.Model, true).Read(file, null, null));
        Assert.Equal((100, 3), (all.Length, all.Items.Count));
        Assert.Equal([false, true, true, true, true, true], all.Items[0].IsScored!);
        Assert.Throws<InvalidInputException>(() => new PerplexityTask(demo.Model, false).Read(file, [4], null));
        string bare = SampleFiles.Write(demo.NewPath(), "t.jsonl", """{"messages":[{"role":"user","content":"Hi"}]}""");
        Assert.Contains("t.jsonl:1", Assert.Throws<InvalidInputException>(() => new PerplexityTask(demo.Model, false).Read(bare, null, null)).Message, StringComparison.Ordinal);
    }

    private double Run(EvaluationSet set, PolicyChoice choice, bool decode)
    {
        EvaluationSettings settings = new() { Folder = demo.NewPath(), ScoreThroughDecode = decode, CacheType = ElementType.F32 };
        EvaluationMetrics metrics = new EvaluationRun(demo.Model, settings).Run(set, choice);
        Assert.Null(metrics.Accuracy);
        Assert.Equal(Math.Exp(metrics.MeanCrossEntropy!.Value), metrics.Perplexity!.Value, 9);
        return metrics.Perplexity.Value;
    }
}
