using MoA.Engine.Attention;
using MoA.Engine.Configuration;
using MoA.Engine.Kernels;
using MoA.Engine.Models.Loading;
using MoA.Engine.Tests.Kernels.Gradients;
using MoA.Engine.Tokenization;
using MoA.Search.Optimization;
using MoA.Search.Profiling;

namespace MoA.Search.Tests.Profiling;

/// <summary>Influence under a plan, and in the order in which a plan with content inside would keep rows.</summary>
public sealed class PlanInfluenceTests
{
    /// <summary>Under a plan forward pass, gradients and influence are those of the model that sees only what the plan leaves.</summary>
    [Theory]
    [InlineData("mistral", 16)]
    [InlineData("qwen3", 32)]
    [InlineData("gemma2", 16)]
    [InlineData("gpt-oss", 16)]
    [InlineData("llama-gqa-llama3", 64)]
    public void Under_a_plan_models_equal_the_definition_in_double(string name, int block)
    {
        using LoadedModel model = ProfilingFixture.Model(name);
        InfluenceProfilerTests.CompareWithDefinition(model, Spans(model, block), block);
    }

    /// <summary>
    /// What the loss does when a hidden key is let in a little: its numerator times a small t beside what is seen changes the loss by -t·E·(1 + e/Z) in
    /// the limit, e/Z its numerator over the sum of those seen; here E = e/(Z + e)·(G - S), so that the derivative at 0 is e/Z·(G - S).
    /// </summary>
    [Theory]
    [InlineData("gemma2")]
    [InlineData("qwen3")]
    [InlineData("gpt-oss")]
    public void The_influence_of_what_is_hidden_is_the_derivative_of_showing_it(string name)
    {
        using LoadedModel model = ProfilingFixture.Model(name);
        ProfileItem item = InfluenceProfilerTests.RandomItem(model, 91, [new AnswerSpan(60, 66), new AnswerSpan(80, 90)]);
        LayerSpans[] spans = Spans(model, 16);
        ModelReference reference = new(model, item, spans: (layer, head) => (16, spans[layer].VisibleRing[head]));
        Random random = new(3);
        int compared = 0;
        for (int layer = 0; layer < model.Config.Layers; layer++)
        {
            for (int k = 0; k < 12; k++)
            {
                int head = random.Next(model.Config.QueryHeads), i = random.Next(60, 88), j = random.Next(16, i), ring = spans[layer].VisibleRing[head];
                if (j / 16 >= i / 16 - ring / 16 + 1 || j <= i - (model.Config.SlidingWindow(layer) ?? 1000))
                    continue;
                // Hidden by their factors alone, and the one key shown by a little.
                double Loss(double factor) => new ModelReference(model, item, (changedLayer, changedHead) => (query, key) =>
                    key / 16 == 0 || key / 16 >= query / 16 - spans[changedLayer].VisibleRing[changedHead] / 16 + 1 ? 1
                    : (changedLayer, changedHead, query, key) == (layer, head, i, j) ? factor : 0).Loss;

                Assert.Equal(reference.Loss, Loss(0), 1e-12);
                AttentionReference of = reference.Heads[layer][head];
                double derivative = (4 * Loss(1e-4) - Loss(2e-4) - 3 * Loss(0)) / 2e-4;
                double ratio = of.RatioOfHidden(i, j);
                Assert.InRange(Math.Abs(derivative - of.Influence[i][j] * (1 + ratio)), 0, 1e-4 * Math.Abs(derivative) + 1e-10);
                compared++;
            }
        }

        Assert.True(compared >= 5, $"only {compared} positions were hidden");
    }

    /// <summary>
    /// In the order of scores a rule loses the influence of the keys that a plan by content would not keep, here by KeyDiff written down once more: of those before
    /// the piece that is being read all but the first four, the last 32 (of few rows a half) and the best.
    /// </summary>
    [Theory]
    [InlineData("llama-gqa-llama3", 16, 64)]
    [InlineData("llama-gqa-llama3", 16, 128)]
    [InlineData("qwen3", 32, 64)]
    [InlineData("gemma2", 16, 64)]
    public void In_the_order_of_scores_a_rule_loses_what_content_would_not_keep(string name, int block, int piece)
    {
        using LoadedModel model = ProfilingFixture.Model(name);
        ModelConfig config = model.Config;
        ProfileItem item = InfluenceProfilerTests.RandomItem(model, 321, [new AnswerSpan(150, 170), new AnswerSpan(250, 320)]);
        ModelReference reference = new(model, item);
        using ComputeBackend backend = ComputeBackend.CreateCpu(2);
        using InfluenceProfiler profiler = new(model, backend, 320)
        {
            Block = block,
            Content = ProfileRun.ContentOf($"keydiff,piece={piece}", config),
        };
        ItemInfluence influence = profiler.Profile(item);
        int[] kept = [2 * block, 4 * block, 160, 320];
        for (int layer = 0; layer < config.Layers; layer++)
        {
            double[] losses = RuleLoss.Compute(
                influence.Layers[layer], 1, config.QueryHeads, 320, [.. kept.Select(rows => new ElasticRule(rows, 0) { Block = block })]);
            for (int head = 0; head < config.QueryHeads; head++)
            {
                AttentionReference of = reference.Heads[layer][head];
                double all = of.Influence.Sum(row => row.Sum(Math.Abs));
                for (int k = 0; k < kept.Length; k++)
                {
                    double expected = config.IsBounded(layer) ? Hidden(of, kept[k], block) : Forgotten(of, kept[k], piece);
                    Assert.InRange(Math.Abs(losses[head * kept.Length + k] - expected), 0, 1e-4 * all);
                }
            }
        }

        static double Hidden(AttentionReference head, int rows, int block) => Sum(head, (i, j) => j / block != 0 && j / block < i / block - (rows / block - 1) + 1);

        static double Forgotten(AttentionReference head, int rows, int piece)
        {
            double lost = 0;
            for (int start = piece; start < 320; start += piece)
            {
                double[][] units = [.. head.Keys.Take(start).Select(key => key.Select(x => x / Math.Sqrt(AttentionReference.Dot(key, key))).ToArray())];
                double[] mean = [.. units[0].Select((_, d) => units.Average(unit => unit[d]))];
                double length = Math.Sqrt(AttentionReference.Dot(mean, mean));
                int[] order = [.. Enumerable.Range(0, start).OrderByDescending(j => j < Math.Min(4, rows / 4) || j >= start - Math.Min(32, rows / 2) ? 2 : 1 - AttentionReference.Dot(units[j], mean) / length)];
                HashSet<int> gone = [.. order.Skip(rows)];
                lost += Sum(head, (i, j) => i >= start && i < start + piece && gone.Contains(j));
            }

            return lost;
        }

        static double Sum(AttentionReference head, Func<int, int, bool> isLost)
        {
            double sum = 0;
            for (int i = 0; i < head.Influence.Length; i++)
            {
                for (int j = 0; j <= i; j++)
                    sum += isLost(i, j) ? Math.Abs(head.Influence[i][j]) : 0;
            }

            return sum;
        }
    }

    // The least, more and everything, by turns.
    private static LayerSpans[] Spans(LoadedModel model, int block) =>
    [
        .. Enumerable.Range(0, model.Config.Layers).Select(layer => new LayerSpans(
            [], [.. Enumerable.Range(0, model.Config.QueryHeads).Select(head => ((layer + head) % 3) switch { 0 => block, 1 => 2 * block, _ => 1024 })],
            model.Config.SlidingWindow(layer) ?? int.MaxValue)
        {
            Block = block,
        }),
    ];
}
