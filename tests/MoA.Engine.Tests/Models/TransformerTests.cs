using MoA.Engine.Attention;
using MoA.Engine.Kernels;
using MoA.Engine.KvCache;
using MoA.Engine.Models;
using MoA.Engine.Numerics;
using Xunit.Abstractions;

namespace MoA.Engine.Tests.Models;

/// <summary>The forward pass against logits computed in float64 by an independent program.</summary>
public sealed class TransformerTests(ITestOutputHelper output)
{
    public static IEnumerable<object?[]> ModelsAndChunks()
    {
        TheoryData<string, InstructionSet, int> cases = [];
        foreach (string name in ModelFixture.Names)
        {
            foreach (InstructionSet set in Machine.All)
            {
                foreach (int chunk in new[] { 1, 7, 64, 100, 512 })
                    cases.Add(name, set, chunk);
            }
        }

        return cases;
    }

    public static IEnumerable<object?[]> ModelsAndSets() => WithSets(ModelFixture.Names);

    public static IEnumerable<object?[]> ModelsWithoutRoutersAndSets() => WithSets(ModelFixture.Names.Except(ModelFixture.OfExperts));

    private static TheoryData<string, InstructionSet> WithSets(IEnumerable<string> names)
    {
        TheoryData<string, InstructionSet> cases = [];
        foreach (string name in names)
        {
            foreach (InstructionSet set in Machine.All)
                cases.Add(name, set);
        }

        return cases;
    }

    [Theory]
    [MemberData(nameof(ModelsAndChunks))]
    internal void Prefill_gives_the_reference_logits(string name, InstructionSet set, int chunk) =>
        Assert.InRange(Error(name, set, chunk, AttentionMode.Prefill, ElementType.F32), 0, 1e-4);

    [Theory]
    [MemberData(nameof(ModelsAndSets))]
    internal void Decoding_token_by_token_gives_the_reference_logits(string name, InstructionSet set) =>
        Assert.InRange(Error(name, set, 1, AttentionMode.Decode, ElementType.F32), 0, 1e-4);

    /// <summary>
    /// A BF16 cache keeps 8 bits of each number: relative rounding of 2⁻⁹ for each key and value. The bound is what such
    /// rounding can do to these models' logits; the measured values stand in docs/architecture.md. There is none where a router may choose
    /// another expert for it.
    /// </summary>
    [Theory]
    [MemberData(nameof(ModelsWithoutRoutersAndSets))]
    internal void Bf16_caches_cost_little(string name, InstructionSet set)
    {
        double error = Error(name, set, 64, AttentionMode.Prefill, ElementType.BF16);
        output.WriteLine($"{name} {set}: relative error of logits with BF16 caches {error:E2}");
        Assert.InRange(error, 1e-7, 2e-2);
    }

    [Fact]
    public void Bf16_caches_give_the_same_logits_for_any_chunk_size()
    {
        using ModelFixture fixture = ModelFixture.Load("llama-gqa-llama3");
        using ComputeBackend backend = ComputeBackend.CreateCpu(2);
        using Transformer transformer = new(fixture.Model, backend);
        float[] whole = Run(transformer, fixture.Tokens, 512);
        foreach (int chunk in new[] { 13, 64, 100 })
            Assert.InRange(ModelFixture.RelativeError(Run(transformer, fixture.Tokens, chunk), whole), 0, 2e-3);

        static float[] Run(Transformer transformer, int[] tokens, int chunk)
        {
            using SequenceCache sequence = transformer.CreateSequence(new DensePolicy(), tokens.Length);
            return ModelFixture.Run(transformer, sequence, tokens, chunk, AttentionMode.Prefill);
        }
    }

    /// <summary>A batch's sequences are each turned by the angles of their own length, whoever stands beside them.</summary>
    [Fact]
    public void Sequences_of_other_lengths_turn_by_their_own_angles()
    {
        using ModelFixture fixture = ModelFixture.Load("phi3-longrope");
        using ComputeBackend backend = ComputeBackend.CreateCpu(2);
        using Transformer transformer = new(fixture.Model, backend, maxRows: 300);
        int[] lengths = [40, 192, 64, 65, 192];
        SequenceCache[] together = [.. lengths.Select(length => transformer.CreateSequence(new DensePolicy(), length, ElementType.F32))];
        ForwardBatch batch = transformer.CreateBatch();
        int[] rows = [.. together.Select(sequence => batch.Add(sequence, fixture.Tokens.AsSpan(0, 30), AttentionMode.Prefill) + 29)];
        transformer.Forward(batch);
        int vocabulary = transformer.Config.VocabularySize;
        float[] logits = PassLogits.Of(transformer, batch, rows);
        for (int i = 0; i < lengths.Length; i++)
        {
            using SequenceCache alone = transformer.CreateSequence(new DensePolicy(), lengths[i], ElementType.F32);
            float[] expected = ModelFixture.Run(transformer, alone, fixture.Tokens.AsSpan(0, 30), 30, AttentionMode.Prefill)[^vocabulary..];
            Assert.InRange(ModelFixture.RelativeError(logits.AsSpan(i * vocabulary, vocabulary), expected), 0, 1e-5);
            together[i].Dispose();
        }

        // Up to 64 tokens and beyond are two kinds of texts.
        Assert.InRange(ModelFixture.RelativeError(logits.AsSpan(2 * vocabulary, vocabulary), logits.AsSpan(0, vocabulary)), 0, 1e-5);
        Assert.InRange(ModelFixture.RelativeError(logits.AsSpan(3 * vocabulary, vocabulary), logits.AsSpan(0, vocabulary)), 1e-3, 1);
        Assert.InRange(ModelFixture.RelativeError(logits.AsSpan(3 * vocabulary, vocabulary), logits.AsSpan(vocabulary, vocabulary)), 0, 1e-5);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(5)]
    public void Results_do_not_depend_on_the_number_of_threads(int threads)
    {
        using ModelFixture fixture = ModelFixture.Load("qwen2-bf16");
        float[] expected = Run(fixture, 1);
        Assert.Equal(expected, Run(fixture, threads));

        static float[] Run(ModelFixture fixture, int threads)
        {
            using ComputeBackend backend = ComputeBackend.CreateCpu(threads);
            using Transformer transformer = new(fixture.Model, backend);
            using SequenceCache sequence = transformer.CreateSequence(new DensePolicy(), fixture.Tokens.Length);
            return ModelFixture.Run(transformer, sequence, fixture.Tokens, 100, AttentionMode.Prefill);
        }
    }

    /// <summary>Sequences of different lengths, one in prefill and others decoding, share a batch without noticing.</summary>
    [Fact]
    public void Ragged_batches_give_each_sequence_its_own_logits()
    {
        using ModelFixture fixture = ModelFixture.Load("llama-gqa-llama3");
        using ComputeBackend backend = ComputeBackend.CreateCpu(2);
        using Transformer transformer = new(fixture.Model, backend, maxRows: 300);
        int vocabulary = transformer.Config.VocabularySize;
        int[] prompts = [1, 63, 64, 130];
        SequenceCache[] sequences = [.. prompts.Select(
            _ => transformer.CreateSequence(new DensePolicy(), fixture.Tokens.Length, ElementType.F32))];
        ForwardBatch batch = transformer.CreateBatch();
        int[] firstRows = new int[prompts.Length];
        for (int i = 0; i < prompts.Length; i++)
            firstRows[i] = batch.Add(sequences[i], fixture.Tokens.AsSpan(0, prompts[i]), AttentionMode.Prefill);
        transformer.Forward(batch);
        for (int i = 0; i < prompts.Length; i++)
            Check(PassLogits.Of(transformer, batch, firstRows[i] + prompts[i] - 1), prompts[i] - 1);

        // The last prompt goes on in prefill while the others decode.
        for (int step = 0; step < 5; step++)
        {
            batch.Clear();
            int[] rows = new int[prompts.Length];
            int[] positions = [.. sequences.Select(sequence => sequence.Length)];
            for (int i = 0; i < prompts.Length - 1; i++)
                rows[i] = batch.Add(sequences[i], fixture.Tokens.AsSpan(positions[i], 1), AttentionMode.Decode);
            rows[^1] = batch.Add(sequences[^1], fixture.Tokens.AsSpan(positions[^1], 9), AttentionMode.Prefill);
            positions[^1] += 8;
            rows[^1] += 8;
            transformer.Forward(batch);
            float[] logits = PassLogits.Of(transformer, batch, rows);
            for (int i = 0; i < prompts.Length; i++)
                Check(logits.AsSpan(i * vocabulary, vocabulary), positions[i]);
        }

        foreach (SequenceCache sequence in sequences)
            sequence.Dispose();

        void Check(ReadOnlySpan<float> logits, int position) => Assert.InRange(
            ModelFixture.RelativeError(logits, fixture.Logits.AsSpan(position * vocabulary, vocabulary)), 0, 2e-4);
    }

    [Fact]
    public void Tokens_outside_the_vocabulary_are_refused()
    {
        using ModelFixture fixture = ModelFixture.Load("llama-mha");
        using ComputeBackend backend = ComputeBackend.CreateCpu(1);
        using Transformer transformer = new(fixture.Model, backend, maxRows: 8);
        using SequenceCache sequence = transformer.CreateSequence(new DensePolicy(), 4);
        ForwardBatch batch = transformer.CreateBatch();
        _ = Assert.Throws<InvalidInputException>(() => batch.Add(sequence, [128], AttentionMode.Prefill));
        _ = Assert.Throws<InvalidInputException>(() => batch.Add(sequence, [-1], AttentionMode.Prefill));
        _ = Assert.Throws<InvalidOperationException>(() => batch.Add(sequence, [1, 2, 3, 4, 5], AttentionMode.Prefill));
    }

    private static double Error(string name, InstructionSet set, int chunk, AttentionMode mode, ElementType cacheType)
    {
        using ModelFixture fixture = ModelFixture.Load(name);
        using ComputeBackend backend = ComputeBackend.CreateCpu(2, set);
        using Transformer transformer = new(fixture.Model, backend);
        using SequenceCache sequence = transformer.CreateSequence(new DensePolicy(), fixture.Tokens.Length, cacheType);
        float[] logits = ModelFixture.Run(transformer, sequence, fixture.Tokens, chunk, mode);
        return ModelFixture.RelativeError(logits, fixture.Logits);
    }
}
