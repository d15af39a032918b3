using MoA.Engine.Attention;
using MoA.Engine.Attention.Scoring;
using MoA.Engine.Kernels;
using MoA.Engine.KvCache;
using MoA.Engine.Numerics;
using MoA.Engine.Tests.Kernels;

namespace MoA.Engine.Tests.KvCache;

/// <summary>
/// Policies that choose rows again while an answer is written: as often as they say, the rows that stay are those of <see cref="ScorerReference"/>, and
/// the memory of the budget is never exceeded.
/// </summary>
public sealed class DecodingTests : IDisposable
{
    private readonly ComputeBackend[] _backends = [.. Machine.All.Select(set => ComputeBackend.CreateCpu(2, set))];

    /// <summary>
    /// 128 rows, of which 40 (or 90, so that fewer than 64 would be left of the text) are for what is written until rows are chosen again; the answer is several times
    /// as long as the budget, and ends midway.
    /// </summary>
    [Theory]
    [InlineData("snapkv", 40, ElementType.F32)]
    [InlineData("snapkv", 20, ElementType.BF16)]
    [InlineData("snapkv", 90, ElementType.BF16)]
    [InlineData("keydiff", 40, ElementType.Q8_0)]
    [InlineData("expected-attention", 40, ElementType.F32)]
    [InlineData("adakv snapkv", 40, ElementType.BF16)]
    [InlineData("adakv h2o", 40, ElementType.F32)]
    [InlineData("adakv expected-attention", 33, ElementType.Q8_0)]
    public void Answers_keep_to_the_budget(string name, int every, ElementType type)
    {
        const int Prompt = 170, Steps = 330, Capacity = Prompt + Steps, Heads = 2, Group = 2;
        const double Theta = 10_000;
        ElasticRule budget = new(128, 0);
        EvictionPolicy policy = name switch
        {
            "snapkv" => new SnapKvPolicy(budget, 32, new ScorePooling(PoolingKind.Maximum, 7)) { Every = every },
            "keydiff" => new KeyDiffPolicy(budget) { Every = every },
            "expected-attention" => new ExpectedAttentionPolicy(budget) { Every = every },
            "adakv h2o" => new AdaKvPolicy(budget, new AttentionSumScorer(0.25)) { Every = every },
            "adakv expected-attention" => new AdaKvPolicy(budget, new ExpectedAttentionScorer(Epsilon: 0.01)) { Every = every },
            _ => new AdaKvPolicy(budget) { Every = every },
        };
        (HeadRows rows, double[][] unturned) = TurnedRows.Random(11, Capacity, Heads, Group, type == ElementType.Q8_0 ? 32 : 8, Theta);
        List<int[][]> expected = Expected();
        foreach (ComputeBackend backend in _backends)
        {
            using AttentionLayer layer = new(backend, rows, policy, Capacity, type);
            layer.Prefill(Prompt, 64);
            for (int step = 0; step < Steps; step++)
            {
                layer.Decode(1);
                for (int head = 0; head < Heads; head++)
                {
                    Assert.True(
                        expected[step][head].SequenceEqual(layer.Cache.Head(0, head).Tokens!.Positions.ToArray()),
                        $"{backend.Description}: other rows of head {head} after step {step}");
                }

                long rowsHeld = layer.Cache.Bytes / layer.Cache.BytesPerRow;
                Assert.True(every <= 64 ? rowsHeld == Heads * 128 : rowsHeld <= Heads * (64 + every), $"{rowsHeld} rows after step {step}");
            }
        }

        // What each head holds after every step.
        List<int[][]> Expected()
        {
            ScorerReference reference = new(type == ElementType.Q8_0 ? rows.RoundedTo(type) : rows, unturned);
            List<int>[] held = [.. Enumerable.Range(0, Heads).Select(_ => Enumerable.Range(0, Prompt).ToList())];
            List<int[][]> steps = [];
            int written = every, since = 0;
            for (int position = Prompt; position < Capacity; position++, written++)
            {
                if (written == every)
                {
                    Choose(Math.Max(64, 128 - Math.Min(every, Capacity - position)), since);
                    (written, since) = (0, position);
                }

                foreach (List<int> positions in held)
                    positions.Add(position);
                steps.Add([.. held.Select(positions => positions.ToArray())]);
            }

            return steps;

            void Choose(int kept, int observedFrom)
            {
                double[][] scores =
                [
                    .. held.Select((positions, head) => name switch
                    {
                        "keydiff" => reference.KeyDifference(head, positions),
                        "expected-attention" => reference.Expected(head, positions, observedFrom, 512, 0, Theta),
                        "adakv expected-attention" => reference.Expected(head, positions, observedFrom, 512, 0.01, Theta),
                        "adakv h2o" => Sums(head, positions, kept / 4),
                        _ => reference.Votes(head, positions, 32, 7),
                    }),
                ];
                if (policy is AdaKvPolicy)
                    ScorerReference.Share(held, scores, kept, 0.2);
                else
                    held = [.. held.Select((positions, head) => ScorerReference.Top(positions, scores[head], kept))];
            }

            // What every query so far gave to the rows that were held then; the most recent stay.
            double[] Sums(int head, List<int> positions, int recent)
            {
                double[] sums = [.. positions.Select(position => reference.Received(head, position, Seen, positions[^1]))];
                IEnumerable<int> Seen(int query) => query < Prompt ? Enumerable.Range(0, query + 1) : steps[query - Prompt][head];
                for (int i = sums.Length - recent; i < sums.Length; i++)
                    sums[i] = double.MaxValue;
                return sums;
            }
        }
    }

    public void Dispose()
    {
        foreach (ComputeBackend backend in _backends)
            backend.Dispose();
    }
}
