using System.Text.Json;
using MoA.Engine;
using MoA.Engine.Attention;
using MoA.Engine.Files;
using MoA.Engine.Kernels;
using MoA.Engine.KvCache;
using MoA.Engine.Models;
using MoA.Engine.Models.Loading;
using MoA.Engine.Numerics;
using MoA.Engine.Tests.KvCache;
using MoA.Engine.Tests.Models;
using MoA.Tests;

namespace MoA.Gpu.Tests;

/// <summary>
/// Whole models on the emulated device against logits computed in float64 by an independent program. Caches are BF16, so that
/// the bound is what their rounding does (<c>TransformerTests</c>).
/// </summary>
[Collection("emulated models")]
public sealed class EmulatedModelTests
{
    private const double Tolerance = 2e-2;

    [Theory]
    [InlineData("llama-mha", 40)]
    [InlineData("llama-gqa-llama3", 35)]
    [InlineData("llama-linear", 20)]
    [InlineData("mistral", 33)]
    [InlineData("qwen2-bf16", 7)]
    [InlineData("qwen3", 20)]
    [InlineData("smollm3", 30)]
    public void Prefill_gives_the_reference_logits(string name, int chunk)
    {
        using ModelFixture fixture = ModelFixture.Load(name);
        using GpuBackend backend = GpuBackend.Open("emulated:4", 1);
        using Transformer transformer = new(fixture.Model, backend);
        using SequenceCache sequence = transformer.CreateSequence(new DensePolicy(), fixture.Tokens.Length);
        int count = Math.Min(fixture.Tokens.Length, 2 * chunk);
        float[] logits = ModelFixture.Run(transformer, sequence, fixture.Tokens.AsSpan(0, count), chunk, AttentionMode.Prefill);
        double error = ModelFixture.RelativeError(logits, fixture.Logits.AsSpan(0, logits.Length));
        Assert.InRange(error, 1e-7, Tolerance);
    }

    [Theory]
    [InlineData("qwen2-bf16")]
    [InlineData("mistral")]
    [InlineData("qwen2-yarn")]
    public void Decoding_gives_the_reference_logits(string name)
    {
        using ModelFixture fixture = ModelFixture.Load(name);
        using GpuBackend backend = GpuBackend.Open("emulated:4", 1);
        using Transformer transformer = new(fixture.Model, backend);
        using SequenceCache sequence = transformer.CreateSequence(new DensePolicy(), fixture.Tokens.Length);
        const int Prompt = 60, Steps = 12;
        _ = ModelFixture.Run(transformer, sequence, fixture.Tokens.AsSpan(0, Prompt), Prompt, AttentionMode.Prefill);
        float[] logits = ModelFixture.Run(transformer, sequence, fixture.Tokens.AsSpan(Prompt, Steps), 1, AttentionMode.Decode);
        int vocabulary = transformer.Config.VocabularySize;
        double error = ModelFixture.RelativeError(logits, fixture.Logits.AsSpan(Prompt * vocabulary, Steps * vocabulary));
        Assert.InRange(error, 1e-7, Tolerance);
    }

    [Theory]
    [InlineData("phi3-partial")]
    [InlineData("phi3-longrope")]
    [InlineData("llama-dynamic")]
    public void Kinds_of_rope_that_it_does_not_run_are_refused_by_name(string name)
    {
        using ModelFixture fixture = ModelFixture.Load(name);
        using GpuBackend backend = GpuBackend.Open("emulated:4", 1);
        string message = Assert.Throws<InvalidInputException>(() => new Transformer(fixture.Model, backend)).Message;
        Assert.Contains("runs on the processor only; leave --device out", message, StringComparison.Ordinal);
        Assert.Contains(fixture.Model.Config.Rope!.Scaling.Describe(), message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(ElementType.MXFP4)]
    [InlineData(ElementType.Q2_K)]
    [InlineData(ElementType.Q5_0)]
    public void Number_formats_that_it_does_not_run_are_refused_by_name(ElementType type)
    {
        using LoadedModel model = RandomModel.Describe(ModelShape.Parse("hidden=256,layers=1,heads=4,intermediate=256,vocabulary=600"), type, "random");
        using GpuBackend backend = GpuBackend.Open("emulated:4", 1);
        string message = Assert.Throws<InvalidInputException>(() => new Transformer(model, backend)).Message;
        Assert.Contains($"is {type}, which runs on the processor only; leave --device out, or convert the matrices", message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("gemma2", "an activation other than SiLU")]
    [InlineData("gemma3", "an activation other than SiLU")]
    [InlineData("olmo2", "a norm behind attention or feed-forward")]
    [InlineData("granite", "a residual stream with scaled branches")]
    public void What_it_has_no_operations_for_is_refused_by_name(string name, string what)
    {
        using ModelFixture fixture = ModelFixture.Load(name);
        using GpuBackend backend = GpuBackend.Open("emulated:4", 1);
        string message = Assert.Throws<InvalidInputException>(() => new Transformer(fixture.Model, backend)).Message;
        Assert.EndsWith($"{what} runs on the processor only; leave --device out", message, StringComparison.Ordinal);
    }

    /// <summary>Block-sparse prefill and rings under a plan with a rule for every query head, as published for the fixtures.</summary>
    [Fact]
    public void Plans_give_the_reference_logits()
    {
        using SafetensorsFile expected = SafetensorsFile.Open(RepositoryFiles.Fixture("cache", "generation.safetensors"));
        using JsonDocument cases = JsonDocument.Parse(File.ReadAllBytes(RepositoryFiles.Fixture("cache", "generation.json")));
        using GpuBackend backend = GpuBackend.Open("emulated:4", 1);
        JsonElement test = cases.RootElement[1];
        using LoadedModel model = HuggingFaceFolder.Load(RepositoryFiles.Fixture("models", test.GetProperty("model").GetString()!));
        using Transformer transformer = new(model, backend);
        int prompt = test.GetProperty("prompt_length").GetInt32(), vocabulary = model.Config.VocabularySize;
        int[] tokens = PlanFixture.Ints(test, "input_ids");
        using SequenceCache sequence = transformer.CreateSequence(
            new PlanPolicy(PlanFixture.Read(test)), prompt + test.GetProperty("max_new_token").GetInt32());
        float[] logits = ModelFixture.Run(transformer, sequence, tokens.AsSpan(0, prompt), 100, AttentionMode.Prefill);
        int[] rows = PlanFixture.Ints(test, "prefill_rows");
        float[] chosen = [.. rows.SelectMany(row => logits[(row * vocabulary)..((row + 1) * vocabulary)])];
        Assert.InRange(ModelFixture.RelativeError(chosen, expected.ReadFloats("gen1.prefill_logits")), 1e-7, Tolerance);
        const int Steps = 10;
        logits = ModelFixture.Run(transformer, sequence, tokens.AsSpan(prompt, Steps), 1, AttentionMode.Decode);
        Assert.InRange(
            ModelFixture.RelativeError(logits, expected.ReadFloats("gen1.decode_logits").AsSpan(0, Steps * vocabulary)), 1e-7, Tolerance);
    }

    /// <summary>Sequences of different lengths, one in prefill and others decoding, and one that grows, against the processor's caches.</summary>
    [Fact]
    public void Ragged_batches_and_longer_turns_give_what_the_processor_gives()
    {
        using ModelFixture fixture = ModelFixture.Load("llama-gqa-llama3");
        using GpuBackend device = GpuBackend.Open("emulated:4", 1);
        using ComputeBackend processor = ComputeBackend.CreateCpu(2);
        float[] actual = Run(device), expected = Run(processor);
        Assert.InRange(ModelFixture.RelativeError(actual, expected), 0, 5e-3);

        float[] Run(ComputeBackend backend)
        {
            using Transformer transformer = new(fixture.Model, backend, maxRows: 256);
            AttentionPolicy policy = new StreamingLlmPolicy(new ElasticRule(64, 0.5));
            int[] prompts = [1, 63, 130];
            SequenceCache[] sequences = [.. prompts.Select(prompt => transformer.CreateSequence(policy, prompt + 8))];
            ForwardBatch batch = transformer.CreateBatch();
            List<float> logits = [];
            float[] row = new float[transformer.Config.VocabularySize];
            for (int pass = 0; pass < 4; pass++)
            {
                batch.Clear();
                int[] rows = new int[prompts.Length];
                for (int i = 0; i < prompts.Length; i++)
                {
                    int length = sequences[i].Length, count = pass == 0 ? prompts[i] : i == pass % 2 ? 5 : 1;
                    sequences[i].Extend(length + count + 3);
                    rows[i] = batch.Add(
                        sequences[i], fixture.Tokens.AsSpan(length, count), pass > 0 && count == 1 ? AttentionMode.Decode : AttentionMode.Prefill)
                        + count - 1;
                }

                transformer.Forward(batch);
                foreach (int last in rows)
                {
                    transformer.Logits(batch, [last], row);
                    logits.AddRange(row);
                }
            }

            foreach (SequenceCache sequence in sequences)
                sequence.Dispose();
            return [.. logits];
        }
    }

    /// <summary>Policies that look into rows attend on the processor, whose caches they keep.</summary>
    [Theory]
    [InlineData("h2o")]
    [InlineData("snapkv")]
    [InlineData("inf-llm")]
    public void Policies_by_content_give_what_the_processor_gives(string name)
    {
        using ModelFixture fixture = ModelFixture.Load("llama-gqa-llama3");
        using GpuBackend device = GpuBackend.Open("emulated:4", 1);
        using ComputeBackend processor = ComputeBackend.CreateCpu(2);
        float[] actual = Run(device), expected = Run(processor);
        Assert.InRange(ModelFixture.RelativeError(actual, expected), 0, 5e-3);

        float[] Run(ComputeBackend backend)
        {
            using Transformer transformer = new(fixture.Model, backend);
            ElasticRule budget = new(128, 0);
            AttentionPolicy policy = name switch
            {
                "h2o" => new H2oPolicy(budget),
                "snapkv" => new SnapKvPolicy(budget),
                _ => new InfLlmPolicy(budget),
            };
            using SequenceCache sequence = transformer.CreateSequence(policy, fixture.Tokens.Length);
            const int Prompt = 184;
            _ = ModelFixture.Run(transformer, sequence, fixture.Tokens.AsSpan(0, Prompt), 64, AttentionMode.Prefill);
            return ModelFixture.Run(transformer, sequence, fixture.Tokens.AsSpan(Prompt), 1, AttentionMode.Decode);
        }
    }

    /// <summary>Caches come and go on other threads while a pass runs, and a pass over nothing is none.</summary>
    [Fact]
    public async Task Caches_may_be_made_and_grow_beside_a_pass()
    {
        using ModelFixture fixture = ModelFixture.Load("llama-mha");
        using GpuBackend backend = GpuBackend.Open("emulated:4", 1);
        using Transformer transformer = new(fixture.Model, backend);
        ForwardBatch batch = transformer.CreateBatch();
        transformer.Forward(batch);
        using SequenceCache sequence = transformer.CreateSequence(new DensePolicy(), 64);
        Task others = Task.Run(() =>
        {
            for (int i = 0; i < 2; i++)
            {
                using SequenceCache other = transformer.CreateSequence(new StreamingLlmPolicy(new ElasticRule(64, 0.5)), 100);
                other.FillRandom(90, 1);
                other.Extend(400 + i);
            }
        });
        float[] logits = ModelFixture.Run(transformer, sequence, fixture.Tokens.AsSpan(0, 8), 4, AttentionMode.Prefill);
        await others;
        Assert.InRange(ModelFixture.RelativeError(logits, fixture.Logits.AsSpan(0, logits.Length)), 1e-7, Tolerance);
    }

    /// <summary>Snapshots of rings that have turned stand in the device's memory, packed, and what is made of them goes on bit for bit.</summary>
    [Fact]
    public void Caches_of_a_snapshot_go_on_as_the_original()
    {
        using ModelFixture fixture = ModelFixture.Load("llama-gqa-llama3");
        using GpuBackend backend = GpuBackend.Open("emulated:4", 1);
        using Transformer transformer = new(fixture.Model, backend);
        using SequenceCache sequence = transformer.CreateSequence(new StreamingLlmPolicy(new ElasticRule(64, 0.5)), 150);
        _ = ModelFixture.Run(transformer, sequence, fixture.Tokens.AsSpan(0, 145), 64, AttentionMode.Prefill);
        long expected = sequence.SnapshotBytes();
        using CacheSnapshot snapshot = sequence.TakeSnapshot();
        Assert.Equal(expected, snapshot.Bytes);
        using SequenceCache restored = snapshot.Restore(300);
        Assert.Equal(snapshot.RestoreBytes(300), restored.Bytes);
        sequence.Extend(300);
        float[] logits = ModelFixture.Run(transformer, sequence, fixture.Tokens.AsSpan(145, 10), 1, AttentionMode.Decode);
        Assert.Equal(logits, ModelFixture.Run(transformer, restored, fixture.Tokens.AsSpan(145, 10), 1, AttentionMode.Decode));
    }

    [Fact]
    public void Caches_of_another_device_are_refused_and_nothing_has_changed()
    {
        using ModelFixture fixture = ModelFixture.Load("llama-mha");
        using GpuBackend one = GpuBackend.Open("emulated:4", 1), two = GpuBackend.Open("emulated:4", 1);
        using ComputeBackend processor = ComputeBackend.CreateCpu(1);
        using Transformer onOne = new(fixture.Model, one), onTwo = new(fixture.Model, two), onProcessor = new(fixture.Model, processor);
        foreach (Transformer maker in new[] { onOne, onTwo, onProcessor })
        {
            using SequenceCache sequence = maker.CreateSequence(new DensePolicy(), 64);
            foreach (Transformer reader in new[] { onOne, onTwo, onProcessor }.Where(reader => reader != maker))
            {
                ForwardBatch batch = reader.CreateBatch();
                _ = batch.Add(sequence, [1], AttentionMode.Prefill);
                Assert.Contains("another device's memory", Assert.Throws<ArgumentException>(() => reader.Forward(batch)).Message, StringComparison.Ordinal);
                Assert.Equal(0, sequence.Length);
            }
        }
    }

    [Fact]
    public void What_does_not_fit_is_refused_with_the_numbers_and_takes_nothing()
    {
        using ModelFixture fixture = ModelFixture.Load("llama-mha");
        long weights;
        using (GpuBackend roomy = GpuBackend.Open("emulated:4", 1))
        {
            long before = roomy.AllocatedBytes;
            using (Transformer transformer = new(fixture.Model, roomy))
                weights = roomy.AllocatedBytes - before;
            Assert.Equal(before, roomy.AllocatedBytes);
        }

        using GpuBackend tight = GpuBackend.Open("emulated:4", 1, memoryLimit: 100_000);
        Assert.Contains("the weights take 0.00 GiB of emulated", Assert.Throws<InvalidInputException>(
            () => new Transformer(fixture.Model, tight)).Message, StringComparison.Ordinal);
        using GpuBackend enough = GpuBackend.Open("emulated:4", 1, weights + 2 * fixture.Model.Weights.Bytes);
        using Transformer fits = new(fixture.Model, enough);
        long taken = enough.AllocatedBytes;
        Assert.StartsWith("KV caches for 2000000 tokens take", Assert.Throws<InvalidInputException>(
            () => fits.CreateSequence(new DensePolicy(), 2_000_000)).Message, StringComparison.Ordinal);
        Assert.Contains("caches in f32", Assert.Throws<InvalidInputException>(
            () => fits.CreateSequence(new DensePolicy(), 64, ElementType.F32)).Message, StringComparison.Ordinal);
        Assert.Equal(taken, enough.AllocatedBytes);
    }

    [Fact]
    public void Random_rows_are_counted_as_tokens_and_have_mean_0_and_deviation_1()
    {
        using ModelFixture fixture = ModelFixture.Load("llama-mha");
        using GpuBackend backend = GpuBackend.Open("emulated:4", 1);
        using Transformer transformer = new(fixture.Model, backend);
        foreach (ElementType type in new[] { ElementType.BF16 })
        {
            using SequenceCache sequence = transformer.CreateSequence(new StreamingLlmPolicy(new ElasticRule(128, 0)), 300, type);
            sequence.FillRandom(200, 7);
            Assert.Equal(200, sequence.Length);
            float[] logits = ModelFixture.Run(transformer, sequence, fixture.Tokens.AsSpan(0, 2), 1, AttentionMode.Decode);
            Assert.All(logits, logit => Assert.True(float.IsFinite(logit)));
        }
    }
}
