using FsCheck;
using FsCheck.Fluent;
using MoA.Engine.Attention;
using MoA.Engine.Attention.Scoring;
using MoA.Engine.Configuration;
using MoA.Engine.Kernels;
using MoA.Engine.KvCache;
using MoA.Engine.Models;
using MoA.Engine.Numerics;
using MoA.Engine.Tests.Models;
using MoA.Tests;

namespace MoA.Engine.Tests.KvCache;

/// <summary>
/// Caches made of what others hold go on as these would, bit for bit, and take the bytes that were said beforehand; caches that go back
/// are those that never went on.
/// </summary>
public sealed class SnapshotTests : IDisposable
{
    private static readonly string[] Models = ["llama-gqa-llama3", "mistral", "gemma3", "gpt-oss", "qwen3"];

    private readonly ComputeBackend _backend = ComputeBackend.CreateCpu(2);
    private readonly Dictionary<string, (ModelFixture Fixture, Transformer Transformer)> _models = [];

    [Fact]
    public void Caches_of_a_snapshot_go_on_as_the_original()
    {
        Gen<Talk> talks =
            from model in Gen.Elements(Models)
            from policy in Gen.Elements("dense", "fixed", "share", "plan", "plan", "h2o", "tova", "snapkv", "pyramidkv", "adakv", "kvzip", "infllm")
            from type in Gen.Elements(ElementType.F32, ElementType.BF16, ElementType.Q8_0)
            from prompt in Gen.OneOf(Gen.Choose(1, 70), Gen.Choose(100, 400))
            from steps in Gen.Choose(0, 20)
            from reserve in Gen.Elements(0, 1, 40, 300)
            from more in Gen.Elements(0, 1, 30, 300, 1000)
            from prompt2 in Gen.Choose(1, 90)
            from steps2 in Gen.Choose(0, 12)
            from chunk in Gen.Elements(7, 64, 100, 512)
            from seed in Gen.Choose(0, int.MaxValue)
            select new Talk(model, policy, type, prompt, steps, reserve, more, prompt2, steps2, chunk, seed);
        Prop.ForAll(talks.ToArbitrary(), CheckSnapshot).Holds(60);
    }

    [Fact]
    public void Caches_go_back_to_what_they_held()
    {
        Gen<Talk> talks =
            from model in Gen.Elements(Models)
            from policy in Gen.Elements("dense", "fixed", "share", "plan", "plan")
            from type in Gen.Elements(ElementType.F32, ElementType.BF16)
            from prompt in Gen.OneOf(Gen.Choose(1, 70), Gen.Choose(70, 300))
            from steps in Gen.Choose(0, 20)
            from reserve in Gen.Elements(0, 40, 300)
            from more in Gen.Elements(0, 1, 300, 1000)
            from prompt2 in Gen.Choose(1, 60)
            from steps2 in Gen.Choose(0, 12)
            from chunk in Gen.Elements(7, 64, 100, 512)
            from seed in Gen.Choose(0, int.MaxValue)
            select new Talk(model, policy, type, prompt, steps, reserve, more, prompt2, steps2, chunk, seed);
        Prop.ForAll(talks.ToArbitrary(), CheckRewind).Holds(60);
    }

    /// <summary>Under a rule that keeps a fixed span, what is restored with less room is what was read afresh with that room.</summary>
    [Theory]
    [InlineData("llama-gqa-llama3", "dense")]
    [InlineData("mistral", "dense")]
    [InlineData("gemma3", "dense")]
    [InlineData("llama-gqa-llama3", "fixed")]
    [InlineData("gpt-oss", "fixed")]
    public void With_less_room_the_rows_are_the_same(string model, string policy)
    {
        (_, Transformer transformer) = Load(model);
        int[] tokens = Tokens(transformer, 330, 5);
        NativeAllocator allocator = new();
        AttentionPolicy rows = Policy(policy, transformer.Config, 5);
        using SequenceCache original = new(transformer.Config, rows, 900, ElementType.BF16, allocator);
        _ = ModelFixture.Run(transformer, original, tokens.AsSpan(0, 300), 64, AttentionMode.Prefill);
        using CacheSnapshot snapshot = original.TakeSnapshot();
        using SequenceCache restored = snapshot.Restore(330);
        using SequenceCache afresh = new(transformer.Config, rows, 330, ElementType.BF16, allocator);
        _ = ModelFixture.Run(transformer, afresh, tokens.AsSpan(0, 300), 64, AttentionMode.Prefill);
        Assert.Equal(afresh.Bytes, restored.Bytes);
        Assert.Equal(Continue(transformer, afresh, tokens.AsSpan(300), 10), Continue(transformer, restored, tokens.AsSpan(300), 10));
    }

    /// <summary>
    /// docs/serving.md: a kept prompt gives the bits that reading it afresh would, if every query head's rows are the same at both capacities, or
    /// no fewer than its tokens.
    /// </summary>
    [Fact]
    public void Kept_prompts_are_as_read_afresh()
    {
        Gen<Talk> talks =
            from model in Gen.Elements(Models)
            from policy in Gen.Elements("dense", "fixed", "share", "plan", "plan")
            from type in Gen.Elements(ElementType.F32, ElementType.BF16, ElementType.Q8_0)
            from prompt in Gen.OneOf(Gen.Choose(1, 130), Gen.Choose(64, 300))
            from reserve in Gen.Elements(0, 40, 300)
            from more in Gen.Elements(0, 30, 300)
            from prompt2 in Gen.Choose(1, 90)
            from steps2 in Gen.Choose(0, 8)
            from chunk in Gen.Elements(7, 64, 100, 512)
            from seed in Gen.Choose(0, int.MaxValue)
            select new Talk(model, policy, type, prompt, 0, reserve, more, prompt2, steps2, chunk, seed);
        int alike = 0;
        Prop.ForAll(talks.ToArbitrary(), talk =>
        {
            (_, Transformer transformer) = Load(talk.Model);
            ModelConfig config = transformer.Config;
            int[] tokens = Tokens(transformer, talk.Tokens, talk.Seed);
            AttentionPolicy policy = Policy(talk.Policy, config, talk.Seed);
            int capacity = talk.Prompt + talk.Reserve, later = Math.Max(capacity + talk.More, tokens.Length);
            if (!IsAlike(policy, config, talk.Prompt, capacity, later))
                return;
            alike++;
            using SequenceCache kept = transformer.CreateSequence(policy, capacity, talk.TypeFor(config)), afresh = transformer.CreateSequence(policy, later, talk.TypeFor(config));
            _ = ModelFixture.Run(transformer, kept, tokens.AsSpan(0, talk.Prompt), talk.Chunk, AttentionMode.Prefill);
            using CacheSnapshot snapshot = kept.TakeSnapshot();
            using SequenceCache restored = snapshot.Restore(later);
            float[] expected = Read(transformer, afresh, tokens, talk.Prompt + talk.Prompt2, 512);
            Assert.Equal(
                expected[(talk.Prompt * config.VocabularySize)..], Read(transformer, restored, tokens.AsSpan(talk.Prompt), talk.Prompt2, talk.Chunk));
        }).Holds(60);
        Assert.True(alike > 0);
    }

    /// <summary>The first way in which they differ: 200 tokens read for 256, of which half is 128 rows, are not those that 1000 would have read.</summary>
    [Fact]
    public void Spans_that_grow_have_hidden_what_longer_ones_show()
    {
        (_, Transformer transformer) = Load("llama-gqa-llama3");
        int[] tokens = Tokens(transformer, 220, 3);
        AttentionPolicy half = new StreamingLlmPolicy(new ElasticRule(0, 0.5));
        Assert.False(IsAlike(half, transformer.Config, 200, 256, 1000));
        using SequenceCache kept = transformer.CreateSequence(half, 256, ElementType.F32), afresh = transformer.CreateSequence(half, 1000, ElementType.F32);
        _ = ModelFixture.Run(transformer, kept, tokens.AsSpan(0, 200), 512, AttentionMode.Prefill);
        using SequenceCache fork = kept.Fork(1000);
        float[] expected = ModelFixture.Run(transformer, afresh, tokens, 512, AttentionMode.Prefill)[(200 * transformer.Config.VocabularySize)..];
        Assert.NotEqual(expected, ModelFixture.Run(transformer, fork, tokens.AsSpan(200), 512, AttentionMode.Prefill));
    }

    /// <summary>Worked by hand: 300 tokens, two KV heads in two layers, of which a ring of 128 rows keeps 64 + 64 and a dense one all.</summary>
    [Fact]
    public void A_snapshot_takes_the_rows_that_are_held()
    {
        (_, Transformer transformer) = Load("llama-gqa-llama3"); // two layers, two KV heads of 16
        PlanPolicy policy = new(new AttentionPlan(
            [.. Enumerable.Range(0, 2).Select(_ => (ElasticRule[])[ElasticRule.Dense, new ElasticRule(128, 0)])], HeadKind.KeyValue));
        NativeAllocator allocator = new();
        SequenceCache cache = new(transformer.Config, policy, 1000, ElementType.F32, allocator);
        cache.FillRandom(300, 1);
        Assert.Equal(2 * (1024 + 128) * 2 * 16 * 4, cache.Bytes);
        const long expected = 2 * (300 + 128) * 2 * 16 * 4;
        Assert.Equal(expected, cache.SnapshotBytes());
        using CacheSnapshot snapshot = cache.TakeSnapshot();
        cache.Dispose();
        Assert.Equal(expected, snapshot.Bytes);
        Assert.Equal(expected, allocator.AllocatedBytes);
        Assert.Equal(2 * (320 + 128) * 2 * 16 * 4, snapshot.RestoreBytes(300));
        Assert.False(snapshot.CanRestore(299));
        Assert.False(snapshot.CanRestore(1000, 299));
        Assert.True(snapshot.CanRestore(64, 64)); // the sink alone
        using SequenceCache sink = snapshot.Restore(64, 64);
        Assert.Equal(64, sink.Length);
    }

    [Fact]
    public void What_cannot_be_copied_is_refused()
    {
        (_, Transformer transformer) = Load("llama-gqa-llama3");
        using SequenceCache empty = transformer.CreateSequence(new DensePolicy(), 100, ElementType.F32);
        _ = Assert.Throws<InvalidOperationException>(() => empty.TakeSnapshot());
        Assert.True(empty.CanRewind(0));
        Assert.False(empty.CanRewind(1));
        Assert.False(empty.CanRewind(-1));
        empty.FillRandom(50, 1);
        _ = Assert.Throws<ArgumentOutOfRangeException>(() => empty.Fork(49));
        _ = Assert.Throws<InvalidOperationException>(() => empty.TakeSnapshot(51));
        _ = Assert.Throws<InvalidOperationException>(() => empty.TakeSnapshot(0));
        CacheSnapshot snapshot = empty.TakeSnapshot(20);
        snapshot.Dispose();
        snapshot.Dispose();
        _ = Assert.Throws<ObjectDisposedException>(() => snapshot.Restore(100));
        using SequenceCache ring = transformer.CreateSequence(new StreamingLlmPolicy(new ElasticRule(128, 0)), 500, ElementType.F32);
        ring.FillRandom(129, 1);
        Assert.False(ring.CanRewind(128));
        _ = Assert.Throws<InvalidOperationException>(() => ring.Rewind(128));
        Assert.Equal(129, ring.Length);
    }

    /// <summary>A model whose angles follow the length of the text beyond 64 tokens.</summary>
    [Fact]
    public void Texts_that_are_turned_otherwise_are_not_gone_on_with()
    {
        (_, Transformer transformer) = Load("llama-dynamic");
        using SequenceCache cache = transformer.CreateSequence(new DensePolicy(), 64, ElementType.F32);
        cache.FillRandom(30, 1);
        using CacheSnapshot snapshot = cache.TakeSnapshot();
        Assert.True(snapshot.CanRestore(40));
        Assert.False(snapshot.CanRestore(65));
        _ = Assert.Throws<ArgumentException>(() => snapshot.Restore(65));
    }

    public void Dispose()
    {
        foreach ((ModelFixture fixture, Transformer transformer) in _models.Values)
        {
            transformer.Dispose();
            fixture.Dispose();
        }

        _backend.Dispose();
    }

    private void CheckSnapshot(Talk talk)
    {
        (_, Transformer transformer) = Load(talk.Model);
        ElementType type = talk.TypeFor(transformer.Config);
        int[] tokens = Tokens(transformer, talk.Tokens, talk.Seed);
        int before = talk.Prompt + talk.Steps;
        AttentionPolicy policy = Policy(talk.Policy, transformer.Config, talk.Seed);
        int capacity = before + talk.Reserve, later = Math.Max(capacity + talk.More, tokens.Length);
        NativeAllocator own = new();
        using SequenceCache original = new(transformer.Config, policy, capacity, type, own);
        Assert.Equal(SequenceCache.EstimateBytes(transformer.Config, policy, capacity, type), own.AllocatedBytes);
        _ = Read(transformer, original, tokens.AsSpan(0, before), talk.Prompt, talk.Chunk);
        Assert.True(own.PeakBytes <= SequenceCache.EstimatePeakBytes(transformer.Config, policy, capacity, type));

        long now = own.AllocatedBytes;
        long snapshotBytes = original.SnapshotBytes();
        CacheSnapshot snapshot = original.TakeSnapshot();
        Assert.Equal(snapshotBytes, snapshot.Bytes);
        Assert.Equal(snapshotBytes, own.AllocatedBytes - now);
        now = own.AllocatedBytes;
        long forkBytes = original.ForkBytes(later);
        using SequenceCache fork = original.Fork(later);
        Assert.Equal(forkBytes, own.AllocatedBytes - now);
        now = own.AllocatedBytes;

        long extended = original.ExtendedBytes(later), peak = original.ExtendPeakBytes(later), others = now - original.AllocatedBytes;
        long peakBefore = own.PeakBytes;
        original.Extend(later);
        Assert.Equal(extended, original.AllocatedBytes);
        Assert.Equal(others + extended, own.AllocatedBytes);
        Assert.True(own.PeakBytes <= Math.Max(peakBefore, peak + others));
        if (own.PeakBytes > peakBefore)
            Assert.Equal(peak + others, own.PeakBytes);

        float[] expected = Read(transformer, original, tokens.AsSpan(before), talk.Prompt2, talk.Chunk);
        Assert.Equal(expected, Read(transformer, fork, tokens.AsSpan(before), talk.Prompt2, talk.Chunk));
        now = own.AllocatedBytes;
        long restoreBytes = snapshot.RestoreBytes(later);
        using SequenceCache restored = snapshot.Restore(later);
        Assert.Equal(restoreBytes, own.AllocatedBytes - now);
        snapshot.Dispose();
        Assert.Equal(now + restoreBytes - snapshotBytes, own.AllocatedBytes);
        Assert.Equal(original.Capacity, restored.Capacity);
        Assert.Equal(expected, Read(transformer, restored, tokens.AsSpan(before), talk.Prompt2, talk.Chunk));
        Assert.Equal(original.RowsAttended(), restored.RowsAttended());
    }

    private void CheckRewind(Talk talk)
    {
        (_, Transformer transformer) = Load(talk.Model);
        ModelConfig config = transformer.Config;
        int[] tokens = Tokens(transformer, talk.Tokens, talk.Seed);
        int before = talk.Prompt + talk.Steps, capacity = before + talk.Reserve, later = Math.Max(capacity + talk.More, tokens.Length);
        Random random = new(talk.Seed);
        int back = random.Next(4) == 0 ? random.Next(Math.Min(64, before) + 1) : random.Next(before + 1);
        if (back < talk.Prompt)
            back = back / talk.Chunk * talk.Chunk; // the pieces are to be the same
        AttentionPolicy policy = Policy(talk.Policy, config, talk.Seed);
        using SequenceCache cache = transformer.CreateSequence(policy, capacity, talk.Type);
        _ = Read(transformer, cache, tokens.AsSpan(0, before), talk.Prompt, talk.Chunk);
        bool extends = random.Next(2) == 0, goesOn = random.Next(2) == 0;
        if (extends)
            cache.Extend(later);
        int furtherOn = goesOn ? Math.Min(tokens.Length, cache.Capacity) : before;
        _ = Read(transformer, cache, tokens.AsSpan(before, furtherOn - before), talk.Prompt2, talk.Chunk);

        bool expected = Losses(config, policy, capacity, before, extends ? later : capacity, furtherOn, back);
        Assert.Equal(expected, cache.CanRewind(back));
        if (!expected)
            return;
        if (back > 0)
        {
            using CacheSnapshot snapshot = cache.TakeSnapshot(back);
            Assert.Equal(snapshot.Bytes, cache.SnapshotBytes(back));
            using SequenceCache restored = snapshot.Restore(later);
            cache.Rewind(back);
            Assert.Equal(back, cache.Length);
            cache.Extend(later);
            float[] rest = Read(transformer, cache, tokens.AsSpan(back), tokens.Length - back - talk.Steps2, talk.Chunk);
            Assert.Equal(rest, Read(transformer, restored, tokens.AsSpan(back), tokens.Length - back - talk.Steps2, talk.Chunk));
            using SequenceCache never = transformer.CreateSequence(policy, capacity, talk.Type);
            _ = Read(transformer, never, tokens.AsSpan(0, back), Math.Min(back, talk.Prompt), talk.Chunk);
            never.Extend(later);
            Assert.Equal(Read(transformer, never, tokens.AsSpan(back), tokens.Length - back - talk.Steps2, talk.Chunk), rest);
        }
        else
        {
            cache.Rewind(0);
            Assert.Equal(0, cache.Length);
        }
    }

    private static bool IsAlike(AttentionPolicy policy, ModelConfig config, int length, int capacity, int later)
    {
        for (int head = 0; head < config.Layers * config.QueryHeads; head++)
        {
            int Rows(int tokens) => policy.RuleOf(head / config.QueryHeads, head % config.QueryHeads, config, tokens).Rows(tokens);
            if (Rows(capacity) != Rows(later) && Math.Min(Rows(capacity), Rows(later)) < length)
                return false;
        }

        return true;
    }

    // Whether all that a head held after some tokens is held still, by following each token alone.
    private static bool Losses(ModelConfig config, AttentionPolicy policy, int capacity, int before, int later, int length, int back)
    {
        LayerSpans[] first = policy.Resolve(config, capacity), then = policy.Resolve(config, later);
        for (int layer = 0; layer < config.Layers; layer++)
        {
            for (int head = 0; head < config.KeyValueHeads; head++)
            {
                HeadLayout layout = first[layer].Stored[head];
                HashSet<int> held = [], heldThen = [];
                for (int position = 0; position < length; position++)
                {
                    if (position == back)
                        heldThen = [.. held];
                    if (position == before && then[layer].Stored[head].Rows > layout.Rows)
                        layout = then[layer].Stored[head];
                    _ = held.Add(position);
                    _ = held.RemoveWhere(token => token >= layout.SinkRows && token <= position - layout.RingRows);
                }

                if (back < length && !heldThen.IsSubsetOf(held))
                    return false;
            }
        }

        return true;
    }

    private static float[] Read(Transformer transformer, SequenceCache cache, ReadOnlySpan<int> tokens, int prompt, int chunk)
    {
        prompt = Math.Min(prompt, tokens.Length);
        float[] read = ModelFixture.Run(transformer, cache, tokens[..prompt], chunk, AttentionMode.Prefill);
        return [.. read, .. ModelFixture.Run(transformer, cache, tokens[prompt..], 1, AttentionMode.Decode)];
    }

    private static float[] Continue(Transformer transformer, SequenceCache cache, ReadOnlySpan<int> tokens, int steps) =>
        Read(transformer, cache, tokens, tokens.Length - steps, 64);

    private static AttentionPolicy Policy(string name, ModelConfig config, int seed)
    {
        Random random = new(seed);
        ElasticRule[] rules = [new(0, 1), new(0, 0.5), new(128, 0), new(-100, 0.9), new(64, 0.25), new(200, 0)];
        int block = ElasticRule.Blocks[random.Next(3)];
        ElasticRule most = new(0, 0.6);
        return name switch
        {
            "dense" => new DensePolicy(),
            "h2o" or "tova" or "snapkv" or "pyramidkv" or "adakv" or "kvzip" or "infllm" when config.UnboundedLayers.Count == 0 => new DensePolicy(), // nothing to choose among
            "fixed" => new StreamingLlmPolicy(new ElasticRule(192, 0)),
            "share" => new StreamingLlmPolicy(new ElasticRule(0, 0.5)),
            "plan" => new PlanPolicy(new AttentionPlan(
                [.. Enumerable.Range(0, config.Layers).Select(_ => Enumerable.Range(0, config.QueryHeads).Select(_ => rules[random.Next(rules.Length)] with { Block = block }).ToArray())],
                HeadKind.Query)),
            "h2o" => new H2oPolicy(most),
            "tova" => new TovaPolicy(most),
            "adakv" => new AdaKvPolicy(most, new ExpectedAttentionScorer(Epsilon: 0.01)),
            "kvzip" => new KvZipPolicy(most, (KvZipLevel)random.Next(3), 64),
            "snapkv" => new SnapKvPolicy(most, 16),
            "pyramidkv" => new PyramidKvPolicy(most, 16),
            _ => new InfLlmPolicy(most),
        };
    }

    private (ModelFixture Fixture, Transformer Transformer) Load(string name)
    {
        if (!_models.TryGetValue(name, out (ModelFixture Fixture, Transformer Transformer) model))
        {
            ModelFixture fixture = ModelFixture.Load(name);
            _models.Add(name, model = (fixture, new Transformer(fixture.Model, _backend)));
        }

        return model;
    }

    private static int[] Tokens(Transformer transformer, int count, int seed)
    {
        Random random = new(seed);
        return [.. Enumerable.Range(0, count).Select(_ => random.Next(transformer.Config.VocabularySize))];
    }

    private sealed record Talk(
        string Model, string Policy, ElementType Type, int Prompt, int Steps, int Reserve, int More, int Prompt2, int Steps2, int Chunk, int Seed)
    {
        public int Tokens => Prompt + Steps + Prompt2 + Steps2;

        public ElementType TypeFor(ModelConfig config) => Type == ElementType.Q8_0 && config.HeadSize % 32 != 0 ? ElementType.F32 : Type;
    }
}
