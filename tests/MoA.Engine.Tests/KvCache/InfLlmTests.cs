using MoA.Engine.Attention;
using MoA.Engine.Kernels;
using MoA.Engine.KvCache;
using MoA.Engine.Numerics;
using MoA.Engine.Tests.Kernels;

namespace MoA.Engine.Tests.KvCache;

/// <summary>InfLLM's choice of blocks, written down one to one in double precision, against the kernels.</summary>
public sealed class InfLlmTests : IDisposable
{
    private readonly ComputeBackend[] _backends = [.. Machine.All.Select(set => ComputeBackend.CreateCpu(2, set))];

    [Theory]
    [InlineData(1, 1, 64, ElementType.F32, 4)]
    [InlineData(2, 1, 100, ElementType.BF16, 1)]
    [InlineData(2, 3, 7, ElementType.F32, 3)]
    [InlineData(1, 4, 512, ElementType.BF16, 64)]
    public void Steps_attend_to_the_sink_the_best_blocks_and_the_window(
        int keyValueHeads, int group, int chunk, ElementType type, int representatives)
    {
        // 320 rows of 640: the sink, two blocks of local window, two chosen blocks; then a second turn.
        InfLlmPolicy policy = new(new ElasticRule(0, 0.5), 0.5, representatives);
        (int Prompt, int Steps, int Capacity)[] turns = [(500, 70, 640), (40, 20, 660)];
        HeadRows rows = HeadRows.Random(5, turns.Sum(turn => turn.Prompt + turn.Steps), keyValueHeads * group, keyValueHeads, 8);
        Dictionary<int, int[]> chosen = Choices(rows, turns, policy);
        float[] expected = ReferenceAttention.Run(rows, (_, query, key) => key <= query
            && (!chosen.TryGetValue(query, out int[]? blocks) || key < 64 || key >= Recent(query) || blocks.Contains(key / 64)));
        foreach (ComputeBackend backend in _backends)
        {
            using AttentionLayer layer = new(backend, rows, policy, 640, type);
            foreach ((int prompt, int steps, int capacity) in turns)
            {
                layer.Cache.Extend(capacity);
                layer.Prefill(prompt, chunk);
                for (int step = 0; step < steps; step++)
                {
                    layer.Decode(1);
                    Assert.True(
                        chosen[layer.Cache.Length - 1].SequenceEqual(layer.Cache.Blocks(0)!.Chosen.ToArray()),
                        $"{backend.Description}: other blocks at {layer.Cache.Length - 1}");
                }
            }

            double difference = Difference.Largest(layer.Outputs, expected);
            Assert.True(difference <= 1e-4, $"{backend.Description}: outputs differ by {difference:E2}");
        }
    }

    [Fact]
    public void What_fits_the_budget_is_all_seen()
    {
        HeadRows rows = HeadRows.Random(4, 300, 2, 1, 8);
        using AttentionLayer layer = new(_backends[0], rows, new InfLlmPolicy(ElasticRule.Dense), 300);
        using AttentionLayer dense = new(_backends[0], rows, new DensePolicy(), 300);
        foreach (AttentionLayer one in new[] { layer, dense })
        {
            one.Prefill(50, 50);
            one.Decode(250);
        }

        Assert.True(Difference.Largest(layer.Outputs, dense.Outputs) <= 1e-5);
        Assert.Equal(dense.Cache.Bytes, layer.Cache.Bytes);
    }

    public void Dispose()
    {
        foreach (ComputeBackend backend in _backends)
            backend.Dispose();
    }

    // Where the local window of 128 tokens begins for a query, in whole blocks.
    private static int Recent(int query) => Math.Max(64, query + 1 - 128) / 64 * 64;

    // The chosen blocks of every generated token.
    private static Dictionary<int, int[]> Choices(
        HeadRows rows, (int Prompt, int Steps, int Capacity)[] turns, InfLlmPolicy policy)
    {
        // A token that left the window gets no more, so sums over all queries are those at any step.
        double[][] received = [.. Enumerable.Range(0, rows.KeyValueHeads).Select(head => Received(rows, head))];
        Dictionary<int, int[]> chosen = [];
        int length = 0;
        foreach ((int prompt, int steps, int capacity) in turns)
        {
            Assert.Equal(128, policy.LocalTokens(capacity));
            length += prompt;
            for (int step = 0; step < steps; step++, length++)
            {
                int count = policy.ChosenBlocks(capacity);
                chosen[length] = Best(rows, received, length, Recent(length) / 64, count, policy.Representatives);
            }
        }

        return chosen;
    }

    // The blocks from 1 to before `end` with the largest products of the queries at a position and their representative keys.
    private static int[] Best(HeadRows rows, double[][] received, int query, int end, int count, int representatives)
    {
        return
        [
            .. Enumerable.Range(1, end - 1).OrderByDescending(block =>
            {
                double score = 0;
                for (int head = 0; head < rows.QueryHeads; head++)
                {
                    int keyHead = head / rows.Group;
                    score += Enumerable.Range(block * 64, 64)
                        .OrderByDescending(position => received[keyHead][position]).Take(representatives)
                        .Average(position => Score(rows, query, head, position));
                }

                return score;
            }).Take(count).Order(),
        ];
    }

    // Attention that each position got from the 128 queries from its own on, over their local windows.
    private static double[] Received(HeadRows rows, int keyValueHead)
    {
        double[] received = new double[rows.Positions];
        for (int query = 0; query < rows.Positions; query++)
        {
            int first = Math.Max(0, query - 127);
            for (int head = keyValueHead * rows.Group; head < (keyValueHead + 1) * rows.Group; head++)
            {
                double[] weights = [.. Enumerable.Range(first, query + 1 - first).Select(
                    key => Math.Exp(Score(rows, query, head, key) / Math.Sqrt(rows.HeadSize)))];
                double total = weights.Sum();
                for (int i = 0; i < weights.Length; i++)
                    received[first + i] += weights[i] / total;
            }
        }

        return received;
    }

    private static double Score(HeadRows rows, int query, int head, int key)
    {
        int q = (query * rows.QueryHeads + head) * rows.HeadSize;
        int k = (key * rows.KeyValueHeads + head / rows.Group) * rows.HeadSize;
        double sum = 0;
        for (int d = 0; d < rows.HeadSize; d++)
            sum += (double)rows.Queries[q + d] * rows.Keys[k + d];
        return sum;
    }
}
