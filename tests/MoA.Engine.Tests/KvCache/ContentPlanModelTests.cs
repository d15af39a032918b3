using MoA.Engine.Attention;
using MoA.Engine.Attention.Scoring;
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
/// Plans with content inside on whole models some of whose layers have sliding windows: logits of a plain forward pass whose queries see in such layers what window and
/// plan both show, and elsewhere what the rule over lists of positions keeps.
/// </summary>
public sealed class ContentPlanModelTests
{
    private const int Prompt = 240, Steps = 20, Capacity = 320, Piece = 64;

    private static readonly (int Prompt, int Steps, int Capacity)[] Turns = [(Prompt, Steps, Capacity), (110, 15, 448)];

    /// <summary>The windows' rule: 0 for all that a window shows, else the blocks of a ring within it.</summary>
    [Theory]
    [InlineData("llama-mha", false, 48, 0, 2)]
    [InlineData("llama-gqa-llama3", false, 100, 0, 2)]
    [InlineData("llama-gqa-llama3", false, 100, 1, 1)]
    [InlineData("llama-mha", true, 150, 0, 1)]
    [InlineData("llama-mha", true, 130, 1, 1)]
    public void Layers_with_windows_see_what_window_and_plan_show(string model, bool expectsAttention, int window, int ringBlocks, int turns)
    {
        using ModelFixture fixture = ModelFixture.Load(model);
        ModelConfig config = fixture.Model.Config.WithLayers((layer, index) => layer with { Window = index == 0 ? window : null });
        using ComputeBackend backend = ComputeBackend.CreateCpu(2);
        using Transformer transformer = new(new LoadedModel(config, fixture.Model.Weights, fixture.Model.Generation, model), backend);
        ElasticRule bounded = ringBlocks == 0 ? ElasticRule.Dense : new ElasticRule(64 * (ringBlocks + 1), 0);
        AttentionPlan plan = new(
            [.. Enumerable.Range(0, config.Layers).Select(layer => Enumerable.Range(0, config.KeyValueHeads).Select(head => layer == 0 ? bounded : Rule(head)).ToArray())],
            HeadKind.KeyValue);
        ContentPlanPolicy policy = new(plan, expectsAttention ? new ExpectedAttentionScorer() : new KeyDifferenceScorer(), sink: 4, recent: 24, piece: Piece);
        Random random = new(9);
        int[] tokens = [.. Enumerable.Range(0, Turns[..turns].Sum(turn => turn.Prompt + turn.Steps)).Select(_ => random.Next(config.VocabularySize))];

        using SequenceCache sequence = transformer.CreateSequence(policy, Capacity, ElementType.F32);
        List<float> actual = [];
        foreach ((int prompt, int steps, int capacity) in Turns[..turns])
        {
            sequence.Extend(capacity);
            actual.AddRange(Read(transformer, sequence, tokens.AsSpan(sequence.Length, prompt)));
            actual.AddRange(ModelFixture.Run(transformer, sequence, tokens.AsSpan(sequence.Length, steps), 1, AttentionMode.Decode));
        }

        float[] expected = ReferenceModel.Logits(config, fixture.Model.Weights, tokens, (layer, rows, unturned) =>
        {
            if (layer == 0)
            {
                int ring = bounded.RingRows(Capacity);
                return (_, query, key) => query < Prompt || ringBlocks == 0
                    ? ReferenceAttention.SeesInPrefill(query, key, ring, window)
                    : ReferenceAttention.SeesInDecode(query, key, ring, window);
            }

            ContentPlanReference[] heads = [.. Enumerable.Range(0, config.KeyValueHeads).Select(head => Kept(rows, unturned, head, layer))];
            return (head, query, key) => heads[head / rows.Group].Visible[query].Contains(key);
        });
        Assert.True(ModelFixture.RelativeError(actual.ToArray(), expected) < 1e-4);

        // The window's layer holds no more than the window, or the plan's rows of it; the others their plan's.
        for (int head = 0; head < config.KeyValueHeads; head++)
        {
            Assert.InRange(sequence.Head(0, head).Rows, 1, window);
            Assert.Null(sequence.Head(0, head).Tokens);
            Assert.Equal(plan.StoredRows(1, head, config.KeyValueHeads, Turns[turns - 1].Capacity), sequence.Head(1, head).Rows);
        }

        ContentPlanReference Kept(HeadRows rows, double[][] unturned, int head, int layer)
        {
            ContentPlanReference reference = new(new ScorerReference(rows, unturned), head, policy, config.LayerDescriptions[layer].Rope!.Theta);
            foreach ((int prompt, int steps, int capacity) in Turns[..turns])
                reference.Run(prompt, steps, plan.StoredRows(layer, head, config.KeyValueHeads, capacity));
            return reference;
        }
    }

    // 128 or 192 rows of 320.
    private static ElasticRule Rule(int head) => new(64 * (head % 2), 0.4);

    private static float[] Read(Transformer transformer, SequenceCache sequence, ReadOnlySpan<int> tokens)
    {
        int vocabulary = transformer.Config.VocabularySize;
        float[] logits = new float[tokens.Length * vocabulary];
        ForwardBatch batch = transformer.CreateBatch();
        for (int start = 0, count; start < tokens.Length; start += count)
        {
            count = sequence.NextTokens(tokens.Length - start, 50);
            batch.Clear();
            int first = batch.Add(sequence, tokens.Slice(start, count), AttentionMode.Prefill);
            transformer.Forward(batch);
            ModelFixture.ReadLogits(transformer, batch, first, count, logits.AsSpan(start * vocabulary));
        }

        return logits;
    }
}
