using MoA.Engine.Attention;
using MoA.Engine.Configuration;
using MoA.Engine.Kernels;
using MoA.Engine.KvCache;
using MoA.Engine.Models;
using MoA.Engine.Models.Loading;
using MoA.Engine.Numerics;
using MoA.Engine.Tests.Kernels;
using MoA.Engine.Tests.Models;

namespace MoA.Engine.Tests.KvCache;

/// <summary>
/// Policies that evict rows by the attention they got, on whole models: logits after prompt and decode steps are those of a
/// plain forward pass that sees, in every layer and KV head, the positions that the paper's rule keeps.
/// </summary>
public sealed class EvictionModelTests
{
    private const int Prompt = 240;
    private const int Steps = 20;
    private const int Capacity = 320;
    private const int Every = 7;

    [Theory]
    [InlineData("llama-mha", "h2o", null)]
    [InlineData("llama-gqa-llama3", "h2o", null)]
    [InlineData("llama-mha", "snapkv", null)]
    [InlineData("llama-gqa-llama3", "pyramidkv", null)]
    [InlineData("llama-mha", "h2o", 48)]
    [InlineData("llama-gqa-llama3", "snapkv", 100)]
    [InlineData("llama-mha", "pyramidkv", 7)]
    [InlineData("llama-mha", "pyramidkv every", null)]
    [InlineData("llama-gqa-llama3", "pyramidkv every", null)]
    public void Logits_are_those_over_the_kept_positions(string model, string name, int? firstWindow)
    {
        using ModelFixture fixture = ModelFixture.Load(model);
        ModelConfig config = fixture.Model.Config.WithLayers((layer, index) => layer with { Window = index == 0 ? firstWindow : null });
        using ComputeBackend backend = ComputeBackend.CreateCpu(2);
        using Transformer transformer = new(new LoadedModel(config, fixture.Model.Weights, fixture.Model.Generation, model), backend);
        Random random = new(8);
        int[] tokens = [.. Enumerable.Range(0, Prompt + Steps).Select(_ => random.Next(transformer.Config.VocabularySize))];
        EvictionPolicy policy = name switch
        {
            "h2o" => new H2oPolicy(new ElasticRule(0, 0.6)), // 192 rows of 320
            "snapkv" => new SnapKvPolicy(new ElasticRule(0, 0.8), 16), // 256 rows, 80 of them for new tokens
            "pyramidkv every" => new PyramidKvPolicy(new ElasticRule(0, 0.4), 16) { Every = Every }, // 128 rows on average, 7 of them for new tokens
            _ => new PyramidKvPolicy(new ElasticRule(0, 0.6), 16), // 192 rows, 80 of them for new tokens
        };
        using SequenceCache sequence = transformer.CreateSequence(policy, Capacity, ElementType.F32);
        float[] prefilled = ModelFixture.Run(transformer, sequence, tokens.AsSpan(0, Prompt), 100, AttentionMode.Prefill);
        float[] decoded = ModelFixture.Run(transformer, sequence, tokens.AsSpan(Prompt), 1, AttentionMode.Decode);

        // Layers with windows of their own evict nothing, and are none of the pyramid's.
        int unbounded = config.UnboundedLayers.Count;
        float[] expected = ReferenceModel.Logits(config, fixture.Model.Weights, tokens, (layer, rows, _) =>
        {
            int? window = config.SlidingWindow(layer);
            EvictionReference? kept = window is null ? Kept(rows, policy, layer - config.Layers + unbounded, unbounded) : null;
            return (head, query, key) => kept is null ? key > query - window : kept.Visible[query][head / rows.Group].Contains(key);
        });
        Assert.True(ModelFixture.RelativeError((float[])[.. prefilled, .. decoded], expected) < 1e-4);

        Assert.True(policy.Every is null || sequence.Bytes / sequence.BytesPerRow <= 128 * config.Layers * config.KeyValueHeads);

        // What was evicted matters: dense attention gives other logits after the prompt, and the same before.
        using SequenceCache all = transformer.CreateSequence(new DensePolicy(), Capacity, ElementType.F32);
        float[] same = ModelFixture.Run(transformer, all, tokens.AsSpan(0, Prompt), 100, AttentionMode.Prefill);
        float[] other = ModelFixture.Run(transformer, all, tokens.AsSpan(Prompt), 1, AttentionMode.Decode);
        Assert.Equal(same, prefilled);
        Assert.True(ModelFixture.RelativeError(other, decoded) > 1e-3);
    }

    /// <summary>A sequence's logits do not depend on what else is in the batch, nor on the number of threads.</summary>
    [Fact]
    public void Batches_and_threads_change_nothing()
    {
        using ModelFixture fixture = ModelFixture.Load("llama-gqa-llama3");
        int[] tokens = [.. Enumerable.Range(0, Prompt + Steps).Select(i => i * 7 % fixture.Model.Config.VocabularySize)];
        AttentionPolicy[] policies =
        [
            new H2oPolicy(new ElasticRule(0, 0.6)), new SnapKvPolicy(new ElasticRule(0, 0.6)), new DensePolicy(),
            new InfLlmPolicy(new ElasticRule(0, 0.6)),
        ];
        float[][] alone = new float[policies.Length][];
        using (ComputeBackend one = ComputeBackend.CreateCpu(1))
        using (Transformer transformer = new(fixture.Model, one))
        {
            for (int i = 0; i < policies.Length; i++)
            {
                using SequenceCache sequence = transformer.CreateSequence(policies[i], Capacity, ElementType.BF16);
                _ = ModelFixture.Run(transformer, sequence, tokens.AsSpan(0, Prompt), Prompt, AttentionMode.Prefill);
                alone[i] = ModelFixture.Run(transformer, sequence, tokens.AsSpan(Prompt), 1, AttentionMode.Decode);
            }
        }

        using ComputeBackend three = ComputeBackend.CreateCpu(3);
        using Transformer batched = new(fixture.Model, three, 2048);
        SequenceCache[] sequences = [.. policies.Select(policy => batched.CreateSequence(policy, Capacity, ElementType.BF16))];
        ForwardBatch batch = batched.CreateBatch();
        foreach (SequenceCache sequence in sequences)
            _ = batch.Add(sequence, tokens.AsSpan(0, Prompt), AttentionMode.Prefill);
        batched.Forward(batch);
        int vocabulary = batched.Config.VocabularySize;
        for (int step = 0; step < Steps; step++)
        {
            batch.Clear();
            int[] rows = [.. sequences.Select(sequence => batch.Add(sequence, [tokens[Prompt + step]], AttentionMode.Decode))];
            batched.Forward(batch);
            float[] logits = PassLogits.Of(batched, batch, rows);
            for (int i = 0; i < rows.Length; i++)
            {
                Assert.True(ModelFixture.RelativeError(
                    logits.AsSpan(i * vocabulary, vocabulary), alone[i].AsSpan(step * vocabulary, vocabulary)) < 1e-4, policies[i].Name);
            }
        }

        foreach (SequenceCache sequence in sequences)
            sequence.Dispose();
    }

    private static EvictionReference Kept(HeadRows rows, EvictionPolicy policy, int layer, int layers)
    {
        EvictionReference reference = new(rows);
        reference.Read(Prompt);
        if (policy is SnapKvPolicy)
            reference.Compress(176, 16, 5, average: true);
        else if (policy is PyramidKvPolicy)
            reference.Compress(policy.KeptRows(layer, layers, Prompt, policy.Every is null ? 112 : 128 - Every), 16, 5, average: true);
        for (int step = 0; step < Steps; step++)
        {
            if (policy is H2oPolicy)
                reference.EvictHeavy(192 - 96, 96 - 1);
            else if (policy.Every is not null && step > 0 && step % Every == 0)
                reference.Compress(policy.KeptRows(layer, layers, Prompt + step, 128 - Every), 16, 5, average: true);
            reference.Append();
        }

        return reference;
    }
}
