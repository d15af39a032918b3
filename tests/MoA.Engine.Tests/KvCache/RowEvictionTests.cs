using MoA.Engine.Attention;
using MoA.Engine.Kernels;
using MoA.Engine.KvCache;
using MoA.Engine.Numerics;
using MoA.Engine.Tests.Kernels;

namespace MoA.Engine.Tests.KvCache;

/// <summary>
/// Policies that evict rows by the attention they got, through the real kernels and caches: after every step the rows hold
/// the positions that the paper's rule keeps, and outputs are attention over just those.
/// </summary>
public sealed class RowEvictionTests : IDisposable
{
    private readonly ComputeBackend[] _backends = [.. Machine.All.Select(set => ComputeBackend.CreateCpu(2, set))];

    public static TheoryData<int, int, int, ElementType> Shapes() => new()
    {
        { 1, 1, 64, ElementType.F32 }, { 2, 1, 100, ElementType.BF16 }, { 1, 3, 7, ElementType.F32 },
        { 2, 4, 512, ElementType.BF16 }, { 1, 2, 65, ElementType.Q8_0 },
    };

    [Theory]
    [MemberData(nameof(Shapes))]
    public void H2o_keeps_the_heavy_and_the_recent_at_every_step(int keyValueHeads, int group, int chunk, ElementType type) =>
        CheckH2o(keyValueHeads, group, chunk, type, default);

    /// <summary>Rows count by their share of a softmax over capped scores and a sink, which differs from head to head.</summary>
    [Theory]
    [MemberData(nameof(Shapes))]
    public void H2o_goes_by_the_weights_that_the_layer_gives(int keyValueHeads, int group, int chunk, ElementType type) =>
        CheckH2o(keyValueHeads, group, chunk, type, new AttentionTraits
        {
            Scale = 0.7f,
            SoftCap = 2,
            Sinks = [.. Enumerable.Range(0, keyValueHeads * group).Select(head => 9f - 3 * head)],
        });

    private void CheckH2o(int keyValueHeads, int group, int chunk, ElementType type, AttentionTraits traits)
    {
        // Two turns: 128 rows of 300 tokens (half recent, one of the budget's rows for the token to come), then 192 of 450.
        H2oPolicy policy = new(new ElasticRule(0, 0.4), 0.5);
        Run(policy, keyValueHeads, group, chunk, type, [(250, 40, 300, 128), (80, 40, 450, 192)], (reference, budget, _, decoding) =>
        {
            if (decoding)
                reference.EvictHeavy(budget - budget / 2, budget / 2 - 1);
        }, traits);
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Snapkv_keeps_what_the_window_votes_for(int keyValueHeads, int group, int chunk, ElementType type)
    {
        bool average = keyValueHeads == 1;
        ScorePooling pooling = new(average ? PoolingKind.Average : PoolingKind.Maximum, 7);
        SnapKvPolicy policy = new(new ElasticRule(0, 0.6), 16, pooling);
        Run(policy, keyValueHeads, group, chunk, type, [(250, 25, 300, 192), (100, 20, 420, 256)], (reference, budget, room, decoding) =>
        {
            if (!decoding)
                reference.Compress(Math.Max(64, budget - room), 16, 7, average);
        });
    }

    /// <summary>The second turn's prompt is shorter than the window: only its queries vote.</summary>
    [Fact]
    public void A_prompt_shorter_than_the_window_votes_with_what_it_has() => Run(
        new SnapKvPolicy(new ElasticRule(128, 0), 32, ScorePooling.None), 1, 2, 64, ElementType.F32,
        [(200, 9, 210, 128), (5, 9, 230, 128)], (reference, budget, room, decoding) =>
        {
            if (!decoding)
                reference.Compress(budget - room, 32, 1, average: true);
        });

    /// <summary>Memory is the budget's, to the row, once a prompt has been read; before, the prompt needs all of it.</summary>
    [Fact]
    public void Evicted_rows_are_not_stored()
    {
        const int BytesPerRow = 2 * 8 * 4;
        foreach (SizedEvictionPolicy policy in new SizedEvictionPolicy[]
        {
            new H2oPolicy(new ElasticRule(0, 0.25)), new SnapKvPolicy(new ElasticRule(0, 0.25)),
        })
        {
            HeadRows rows = HeadRows.Random(3, 1010, 4, 2, 8);
            using AttentionLayer layer = new(_backends[0], rows, policy, 1024);
            long before = _backends[0].Allocator.AllocatedBytes;
            layer.Prefill(1000, 300);
            Assert.Equal(2 * 1024 * BytesPerRow, layer.Cache.Bytes);
            layer.Decode(10);
            Assert.Equal(2 * 256 * BytesPerRow, layer.Cache.Bytes);
            Assert.Equal(before - 2 * 768 * BytesPerRow, _backends[0].Allocator.AllocatedBytes);
            Assert.Equal(256.0 / 1024, policy.Density(AttentionLayer.Config(4, 2, 8), 1024));
        }
    }

    [Fact]
    public void What_fits_the_budget_is_all_kept()
    {
        foreach (SizedEvictionPolicy policy in new SizedEvictionPolicy[]
        {
            new H2oPolicy(ElasticRule.Dense), new SnapKvPolicy(ElasticRule.Dense), new PyramidKvPolicy(ElasticRule.Dense),
        })
        {
            HeadRows rows = HeadRows.Random(4, 300, 2, 1, 8);
            using AttentionLayer layer = new(_backends[^1], rows, policy, 300), dense = new(_backends[^1], rows, new DensePolicy(), 300);
            foreach (AttentionLayer one in new[] { layer, dense })
            {
                one.Prefill(260, 100);
                one.Decode(39);
            }

            Assert.Equal(dense.Cache.Bytes, layer.Cache.Bytes);
            Assert.Equal(Enumerable.Range(0, 299), layer.Cache.Head(0, 0).Tokens!.Positions.ToArray());
            Assert.Equal(0, Difference.Largest(layer.Outputs, dense.Outputs));
        }
    }

    public void Dispose()
    {
        foreach (ComputeBackend backend in _backends)
            backend.Dispose();
    }

    // Runs a conversation of (prompt, steps, capacity, budget) turns; `evict` is the rule, called after every token of the
    // answer (decoding) and after every prompt.
    private void Run(
        SizedEvictionPolicy policy, int keyValueHeads, int group, int chunk, ElementType type,
        (int Prompt, int Steps, int Capacity, int Budget)[] turns, Action<EvictionReference, int, int, bool> evict,
        AttentionTraits traits = default)
    {
        int headSize = type == ElementType.Q8_0 ? 32 : 8;
        int positions = turns.Sum(turn => turn.Prompt + turn.Steps);
        HeadRows rows = HeadRows.Random(17 + group, positions, keyValueHeads * group, keyValueHeads, headSize);
        HeadRows stored = type == ElementType.Q8_0 ? rows.RoundedTo(type) : rows;
        EvictionReference reference = new(stored, traits);
        List<int[][]> held = [];
        foreach ((int prompt, int steps, int capacity, int budget) in turns)
        {
            Assert.Equal(budget, policy.Budget.Rows(capacity));
            reference.Read(prompt);
            int room = capacity - reference.Visible.Count;
            evict(reference, budget, room, false);
            for (int step = 0; step < steps; step++)
            {
                evict(reference, budget, room - step, true);
                reference.Append();
                held.Add([.. reference.Held.Select(positionsOfHead => positionsOfHead.ToArray())]);
            }
        }

        float[] expected = ReferenceAttention.Run(
            stored, (head, query, key) => reference.Visible[query][head / group].Contains(key), traits: traits);
        foreach (ComputeBackend backend in _backends)
        {
            using AttentionLayer layer = new(backend, rows, policy, turns[0].Capacity, type, traits: traits);
            int done = 0;
            foreach ((int prompt, int steps, int capacity, _) in turns)
            {
                layer.Cache.Extend(capacity);
                layer.Prefill(prompt, chunk);
                for (int step = 0; step < steps; step++, done++)
                {
                    layer.Decode(1);
                    for (int head = 0; head < keyValueHeads; head++)
                    {
                        HeadCache cache = layer.Cache.Head(0, head);
                        int[] actual = [.. cache.Tokens!.Positions.ToArray().Order()];
                        Assert.True(held[done][head].SequenceEqual(actual), $"{backend.Description}: other rows after step {done}");
                        Assert.True(cache.Rows >= actual.Length);
                    }
                }
            }

            double difference = Difference.Largest(layer.Outputs, expected);
            Assert.True(difference <= 1e-4, $"{backend.Description}: outputs differ by {difference:E2}");
        }
    }
}
