using MoA.Engine.Attention;
using MoA.Engine.Attention.Scoring;
using MoA.Engine.Kernels;
using MoA.Engine.KvCache;
using MoA.Engine.Numerics;
using MoA.Engine.Tests.Kernels;

namespace MoA.Engine.Tests.KvCache;

/// <summary>
/// Policies that choose rows by their content, through the real kernels and caches, for every vector width, chunk and group: the positions held are those
/// of <see cref="ScorerReference"/>, over two turns, and memory is what is said.
/// </summary>
public sealed class ScorerTests : IDisposable
{
    private const double Theta = 10_000;

    private readonly ComputeBackend[] _backends = [.. Machine.All.Select(set => ComputeBackend.CreateCpu(2, set))];

    public static TheoryData<string, int, int, int, ElementType> Cases()
    {
        TheoryData<string, int, int, int, ElementType> cases = [];
        foreach (string policy in new[] { "expected-attention", "expected-mean", "keydiff", "tova", "adakv snapkv", "adakv expected-attention", "adakv keydiff" })
        {
            cases.Add(policy, 1, 1, 64, ElementType.F32);
            cases.Add(policy, 3, 2, 7, ElementType.BF16);
            cases.Add(policy, 2, 2, 65, ElementType.Q8_0);
        }

        return cases;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Rows_that_stay_are_those_of_the_published_rule(string name, int keyValueHeads, int group, int chunk, ElementType type)
    {
        (int Prompt, int Steps, int Capacity, int Budget)[] turns = [(250, 25, 300, 192), (100, 20, 420, 256)];
        (HeadRows rows, double[][] unturned) = TurnedRows.Random(
            31 + group, turns.Sum(turn => turn.Prompt + turn.Steps), keyValueHeads, group, type == ElementType.Q8_0 ? 32 : 8, Theta);
        HeadRows stored = type == ElementType.Q8_0 ? rows.RoundedTo(type) : rows;
        int[][][] expected = Expected(name, stored, unturned, turns);
        SizedEvictionPolicy policy = Policy(name);
        foreach (ComputeBackend backend in _backends)
        {
            using AttentionLayer layer = new(backend, rows, policy, turns[0].Capacity, type);
            int turn = 0;
            foreach ((int prompt, int steps, int capacity, int budget) in turns)
            {
                Assert.Equal(budget, policy.Budget.Rows(capacity));
                layer.Cache.Extend(capacity);
                layer.Prefill(prompt, chunk);
                layer.Decode(steps);
                for (int head = 0; head < keyValueHeads; head++)
                {
                    int[] actual = [.. layer.Cache.Head(0, head).Tokens!.Positions.ToArray().Order()];
                    Assert.True(expected[turn][head].SequenceEqual(actual), $"{backend.Description}: other rows of head {head} after turn {turn}");
                }

                turn++;
            }

            Assert.Equal(Enumerable.Range(0, layer.Outputs.Length).Where(i => !float.IsFinite(layer.Outputs[i])), []);
        }
    }

    /// <summary>Heads that share keep different numbers of rows, and what they drop is free: in all, the bytes that the size says, to the row.</summary>
    [Theory]
    [InlineData("adakv snapkv")]
    [InlineData("adakv expected-attention")]
    [InlineData("expected-attention")]
    [InlineData("keydiff")]
    [InlineData("tova")]
    public void Bytes_are_those_of_the_size(string name)
    {
        const int BytesPerRow = 2 * 8 * 4;
        HeadRows rows = HeadRows.Random(3, 1010, 8, 4, 8);
        // The first heads look at few keys, the others at all alike.
        for (int i = 0; i < rows.Queries.Length; i++)
            rows.Queries[i] *= i / 8 % 8 < 2 ? 4 : 0.1f;
        using AttentionLayer layer = new(_backends[0], rows, Policy(name, 0.25), 1024);
        long before = _backends[0].Allocator.AllocatedBytes;
        layer.Prefill(1000, 300);
        Assert.Equal(4 * 1024 * BytesPerRow, layer.Cache.Bytes);
        Assert.True(
            layer.Cache.AllocatedBytes <= SequenceCache.EstimatePeakBytes(AttentionLayer.Config(8, 4, 8), Policy(name, 0.25), 1024, ElementType.F32));
        layer.Decode(10);
        int[] held = [.. Enumerable.Range(0, 4).Select(head => layer.Cache.Head(0, head).Rows)];
        Assert.Equal(4 * 256, held.Sum());
        Assert.Equal(4 * 256 * BytesPerRow, layer.Cache.Bytes);
        Assert.Equal(before - 4 * 768 * BytesPerRow, _backends[0].Allocator.AllocatedBytes);
        if (name.StartsWith("adakv", StringComparison.Ordinal))
            Assert.True(held.Max() > held.Min() + 16, string.Join(' ', held));
    }

    public void Dispose()
    {
        foreach (ComputeBackend backend in _backends)
            backend.Dispose();
    }

    private static SizedEvictionPolicy Policy(string name, double density = 0.6)
    {
        ElasticRule budget = new(0, density);
        return name switch
        {
            "expected-attention" => new ExpectedAttentionPolicy(budget),
            "expected-mean" => new ExpectedAttentionPolicy(budget, new ExpectedAttentionScorer(40, Covariance: false, ValueNorm: true, Epsilon: 0.02)),
            "keydiff" => new KeyDiffPolicy(budget),
            "tova" => new TovaPolicy(budget),
            "adakv expected-attention" => new AdaKvPolicy(budget, new ExpectedAttentionScorer(Epsilon: 0.01)),
            "adakv keydiff" => new AdaKvPolicy(budget, new KeyDifferenceScorer(), 0.5),
            _ => new AdaKvPolicy(budget),
        };
    }

    // What each head holds at the end of every turn.
    private static int[][][] Expected(string name, HeadRows rows, double[][] unturned, (int Prompt, int Steps, int Capacity, int Budget)[] turns)
    {
        ScorerReference reference = new(rows, unturned);
        List<int>[] held = [.. Enumerable.Range(0, rows.KeyValueHeads).Select(_ => new List<int>())];
        List<int[][]> ends = [];
        int length = 0;
        foreach ((int prompt, int steps, int capacity, int budget) in turns)
        {
            int start = length;
            for (; length < start + prompt; length++)
                Add(held, length);
            if (name != "tova")
                Choose(Math.Max(64, budget - (capacity - length)), start);
            for (int end = length + steps; length < end; length++)
            {
                if (name == "tova" && held[0].Count > budget - 1)
                {
                    double[] scores = reference.LastAttention(held[0]);
                    held = [.. held.Select(positions => ScorerReference.Top(positions, scores, budget - 1))];
                }

                Add(held, length);
            }

            ends.Add([.. held.Select(positions => positions.ToArray())]);
        }

        return [.. ends];

        void Choose(int kept, int start)
        {
            double[][] scores =
            [
                .. held.Select((positions, head) => name switch
                {
                    "expected-attention" => reference.Expected(head, positions, start, 512, 0, Theta),
                    "expected-mean" => reference.Expected(head, positions, start, 40, 0.02, Theta, covariance: false),
                    "adakv expected-attention" => reference.Expected(head, positions, start, 512, 0.01, Theta),
                    "keydiff" or "adakv keydiff" => reference.KeyDifference(head, positions),
                    _ => reference.Votes(head, positions, 32, 7),
                }),
            ];
            if (name.StartsWith("adakv", StringComparison.Ordinal))
                ScorerReference.Share(held, scores, kept, name == "adakv keydiff" ? 0.5 : 0.2);
            else
                held = [.. held.Select((positions, head) => ScorerReference.Top(positions, scores[head], kept))];
        }

        static void Add(List<int>[] held, int position)
        {
            foreach (List<int> positions in held)
                positions.Add(position);
        }
    }
}
