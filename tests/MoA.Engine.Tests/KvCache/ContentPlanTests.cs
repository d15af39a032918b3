using MoA.Engine.Attention;
using MoA.Engine.Attention.Scoring;
using MoA.Engine.Configuration;
using MoA.Engine.Kernels;
using MoA.Engine.KvCache;
using MoA.Engine.Models;
using MoA.Engine.Numerics;
using MoA.Engine.Tests.Kernels;
using MoA.Engine.Tests.Models;

namespace MoA.Engine.Tests.KvCache;

/// <summary>
/// Plans with content inside, through the real kernels and caches: each head holds the rows of its own rule that its scores say, chosen chunk by chunk, however a
/// prompt is cut; a prompt is never held whole; memory is what is said.
/// </summary>
public sealed class ContentPlanTests : IDisposable
{
    private const double Theta = 10_000;
    private const int Sink = 4, Recent = 24;

    private readonly ComputeBackend[] _backends = [.. Machine.All.Select(set => ComputeBackend.CreateCpu(2, set))];

    public static TheoryData<bool, int, int, int, ElementType> Cases() => new()
    {
        { true, 2, 1, 64, ElementType.F32 }, { true, 3, 2, 7, ElementType.BF16 }, { true, 2, 2, 1000, ElementType.Q8_0 },
        { false, 2, 1, 64, ElementType.F32 }, { false, 3, 2, 7, ElementType.BF16 }, { false, 2, 2, 1000, ElementType.Q8_0 },
    };

    /// <summary>Two turns of a prompt and generated tokens, against the rule over lists of positions: one step of the rule a line of <see cref="ContentPlanReference"/>.</summary>
    [Theory]
    [MemberData(nameof(Cases))]
    public void Rows_that_stay_are_those_of_the_rule(bool expectsAttention, int keyValueHeads, int group, int piece, ElementType type)
    {
        (int Prompt, int Steps, int Capacity)[] turns = [(300, 40, 400), (150, 70, 600)];
        (HeadRows rows, double[][] unturned) = TurnedRows.Random(
            17 + group, turns.Sum(turn => turn.Prompt + turn.Steps), keyValueHeads, group, type == ElementType.Q8_0 ? 32 : 8, Theta);
        AttentionPlan plan = Plan(keyValueHeads);
        List<int>[][] expected = [.. Enumerable.Range(0, keyValueHeads).Select(head =>
        {
            ContentPlanReference reference = new(new ScorerReference(type == ElementType.F32 ? rows : rows.RoundedTo(type), unturned), head, Policy(plan, expectsAttention), Theta);
            return turns.Select(turn => reference.Run(turn.Prompt, turn.Steps, plan.StoredRows(0, head, keyValueHeads, turn.Capacity))).ToArray();
        })];
        foreach (ComputeBackend backend in _backends)
        {
            using AttentionLayer layer = new(backend, rows, Policy(plan, expectsAttention), turns[0].Capacity, type);
            for (int turn = 0; turn < turns.Length; turn++)
            {
                layer.Cache.Extend(turns[turn].Capacity);
                layer.Prefill(turns[turn].Prompt, piece);
                layer.Decode(turns[turn].Steps);
                for (int head = 0; head < keyValueHeads; head++)
                {
                    int[] actual = [.. layer.Cache.Head(0, head).Tokens!.Positions.ToArray().Order()];
                    Assert.True(expected[head][turn].SequenceEqual(actual), $"{backend.Description}: other rows of head {head} after turn {turn}");
                    Assert.Equal(plan.StoredRows(0, head, keyValueHeads, turns[turn].Capacity), layer.Cache.Head(0, head).Rows);
                }
            }

            Assert.DoesNotContain(layer.Outputs, x => !float.IsFinite(x));
        }
    }

    /// <summary>While a prompt is read, heads hold a chunk more than their rows, and exactly these afterwards, by the allocator.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Bytes_are_those_of_the_plan_at_any_time(bool expectsAttention)
    {
        const int BytesPerRow = 2 * 8 * 4, Capacity = 2000;
        HeadRows rows = HeadRows.Random(3, 1990, 8, 4, 8);
        AttentionPlan plan = Plan(4);
        ContentPlanPolicy policy = Policy(plan, expectsAttention);
        NativeAllocator allocator = _backends[0].Allocator;
        long stored = Enumerable.Range(0, 4).Sum(head => (long)plan.StoredRows(0, head, 4, Capacity)), none = allocator.AllocatedBytes;
        using AttentionLayer layer = new(_backends[0], rows, policy, Capacity);
        Assert.Equal((stored + 4 * 64) * BytesPerRow, layer.Cache.Bytes);
        Assert.Equal(layer.Cache.Bytes, SequenceCache.EstimateBytes(AttentionLayer.Config(8, 4, 8), policy, Capacity, ElementType.F32));
        layer.Prefill(1950, 300);
        Assert.Equal((stored + 4 * 64) * BytesPerRow, layer.Cache.Bytes);
        Assert.All(Enumerable.Range(0, 4), head => Assert.True(layer.Cache.Head(0, head).Tokens!.Count <= layer.Cache.Head(0, head).Rows));
        Assert.True(layer.Cache.AllocatedBytes <= SequenceCache.EstimatePeakBytes(AttentionLayer.Config(8, 4, 8), policy, Capacity, ElementType.F32));
        layer.Decode(40);
        Assert.Equal(stored * BytesPerRow, layer.Cache.Bytes);
        long notes = layer.Cache.AllocatedBytes - layer.Cache.Bytes;
        Assert.Equal(expectsAttention ? 8 * 8 * 9 * sizeof(float) : 0, notes);
        Assert.True(allocator.AllocatedBytes - none >= layer.Cache.AllocatedBytes);
    }

    /// <summary>Scorers that need all of a prompt hold it until its end, and each head its own rows from then on.</summary>
    [Fact]
    public void Votes_choose_at_the_end_of_a_prompt()
    {
        HeadRows rows = HeadRows.Random(4, 640, 4, 2, 8);
        AttentionPlan plan = Plan(2);
        ContentPlanPolicy policy = new(plan, new VoteScorer(32, AdaKvPolicy.DefaultPooling), recent: 40);
        using AttentionLayer layer = new(_backends[0], rows, policy, 700);
        layer.Prefill(600, 300);
        Assert.All(Enumerable.Range(0, 2), head => Assert.Equal(600, layer.Cache.Head(0, head).Tokens!.Count));
        layer.Decode(1);
        List<int> all = [.. Enumerable.Range(0, 600)];
        ScorerReference reference = new(rows, []);
        for (int head = 0; head < 2; head++)
        {
            // What stays in any case has no part in the pooling: the sink and the last 39 of the prompt, beside the new token.
            double[] votes = reference.Votes(head, all, 32, 1);
            double[] scores = [.. votes.Select((_, i) => i is < ContentPlanPolicy.DefaultSink or >= 561
                ? double.MaxValue : votes[Math.Max(ContentPlanPolicy.DefaultSink, i - 3)..Math.Min(561, i + 4)].Max())];
            int budget = plan.StoredRows(0, head, 2, 700);
            Assert.Equal([.. ScorerReference.Top(all, scores, budget - 1), 600], layer.Cache.Head(0, head).Tokens!.Positions.ToArray());
            Assert.Equal(budget, layer.Cache.Head(0, head).Rows);
        }
    }

    /// <summary>On a whole model: pieces of any size, batches, copies and snapshots go on alike; what goes beyond a place of eviction is refused.</summary>
    [Theory]
    [InlineData("llama-mha")]
    [InlineData("llama-gqa-llama3")]
    public void Cuts_batches_and_copies_change_nothing(string model)
    {
        using ModelFixture fixture = ModelFixture.Load(model);
        using ComputeBackend backend = ComputeBackend.CreateCpu(2);
        using Transformer transformer = new(fixture.Model, backend);
        int heads = transformer.Config.KeyValueHeads, vocabulary = transformer.Config.VocabularySize;
        AttentionPlan plan = new([.. Enumerable.Repeat(Enumerable.Range(0, heads).Select(Rule).ToArray(), transformer.Config.Layers)], HeadKind.KeyValue);
        ContentPlanPolicy policy = Policy(plan, expectsAttention: true);
        int[] tokens = [.. Enumerable.Range(0, 420).Select(i => i * 7 % vocabulary)];
        using SequenceCache whole = transformer.CreateSequence(policy, 440), cut = transformer.CreateSequence(policy, 440);
        ForwardBatch batch = transformer.CreateBatch();
        Assert.Equal(64, whole.NextTokens(400, 400));
        InvalidOperationException refused = Assert.Throws<InvalidOperationException>(() => batch.Add(whole, tokens.AsSpan(0, 65), AttentionMode.Prefill));
        Assert.Contains("evicts rows after the next 64 tokens", refused.Message, StringComparison.Ordinal);

        Read(transformer, batch, whole, tokens.AsSpan(0, 400), 400);
        Read(transformer, batch, cut, tokens.AsSpan(0, 130), 1);
        using SequenceCache other = transformer.CreateSequence(policy, 440);
        Read(transformer, batch, other, tokens.AsSpan(0, 64), 64);
        // Side by side with another sequence, which has come less far.
        batch.Clear();
        _ = batch.Add(other, tokens.AsSpan(64, 64), AttentionMode.Prefill);
        _ = batch.Add(cut, tokens.AsSpan(130, 62), AttentionMode.Prefill);
        transformer.Forward(batch);
        using CacheSnapshot snapshot = cut.TakeSnapshot();
        using SequenceCache copy = snapshot.Restore(440);
        Read(transformer, batch, copy, tokens.AsSpan(192, 208), 50);
        Read(transformer, batch, cut, tokens.AsSpan(192, 208), 64);
        foreach (int token in tokens.AsSpan(400, 20))
        {
            batch.Clear();
            int[] rows = [batch.Add(whole, [token], AttentionMode.Decode), batch.Add(cut, [token], AttentionMode.Decode), batch.Add(copy, [token], AttentionMode.Decode)];
            transformer.Forward(batch);
            float[] logits = PassLogits.Of(transformer, batch, rows);
            Assert.True(ModelFixture.RelativeError(logits.AsSpan(vocabulary, vocabulary), logits.AsSpan(0, vocabulary)) < 1e-4);
            Assert.True(ModelFixture.RelativeError(logits.AsSpan(2 * vocabulary, vocabulary), logits.AsSpan(0, vocabulary)) < 1e-4);
        }

        for (int i = 0; i < transformer.Config.Layers * heads; i++)
        {
            int[] held = [.. whole.Head(i / heads, i % heads).Tokens!.Positions.ToArray().Order()];
            Assert.Equal(held, cut.Head(i / heads, i % heads).Tokens!.Positions.ToArray().Order());
            Assert.Equal(held, copy.Head(i / heads, i % heads).Tokens!.Positions.ToArray().Order());
        }
    }

    /// <summary>Settings and bytes decide who may share what was kept.</summary>
    [Fact]
    public void Descriptions_tell_policies_apart()
    {
        AttentionPlan plan = Plan(2), other = new([[new ElasticRule(0, 0.5), new ElasticRule(0, 0.5)]], HeadKind.KeyValue);
        ModelConfig config = AttentionLayer.Config(2, 2, 8);
        ContentPlanPolicy[] policies =
        [
            new(plan, new KeyDifferenceScorer()), new(other, new KeyDifferenceScorer()), new(plan, new ExpectedAttentionScorer()), new(plan, new KeyDifferenceScorer(), sink: 5),
            new(plan, new KeyDifferenceScorer(), recent: 5), new(plan, new KeyDifferenceScorer(), piece: 64),
        ];
        Assert.Equal(policies.Length, policies.Select(policy => policy.Describe(config, 500)).Distinct().Count());
        Assert.Equal(new PlanPolicy(plan).Density(config, 2000), policies[0].Density(config, 2000));
    }

    public void Dispose()
    {
        foreach (ComputeBackend backend in _backends)
            backend.Dispose();
    }

    private static void Read(Transformer transformer, ForwardBatch batch, SequenceCache sequence, ReadOnlySpan<int> tokens, int piece)
    {
        for (int start = 0, count; start < tokens.Length; start += count)
        {
            count = sequence.NextTokens(tokens.Length - start, piece);
            batch.Clear();
            _ = batch.Add(sequence, tokens.Slice(start, count), AttentionMode.Prefill);
            transformer.Forward(batch);
        }
    }

    private static ElasticRule Rule(int head) => new(32 * (head % 3), 0.3 + 0.1 * (head % 2));

    private static AttentionPlan Plan(int keyValueHeads) => new([[.. Enumerable.Range(0, keyValueHeads).Select(Rule)]], HeadKind.KeyValue);

    private static ContentPlanPolicy Policy(AttentionPlan plan, bool expectsAttention) =>
        new(plan, expectsAttention ? new ExpectedAttentionScorer() : new KeyDifferenceScorer(), Sink, Recent, 64);
}
