using System.Text.Json;
using MoA.Engine.Attention;
using MoA.Engine.Kernels;
using MoA.Engine.KvCache;
using MoA.Engine.Models;
using MoA.Engine.Models.Loading;
using MoA.Engine.Numerics;
using MoA.Engine.Tests.Models;
using MoA.Tests;

namespace MoA.Engine.Tests.KvCache;

/// <summary>
/// Whole models under plans with a rule for every query head, grouped heads included: block-sparse prefill, then decoding
/// with rings, against an independent program (generation.json) in log-probability.
/// </summary>
public sealed class PlanGenerationTests : IDisposable
{
    private const double Tolerance = 1e-3;

    private readonly SafetensorsFile _expected = SafetensorsFile.Open(RepositoryFiles.Fixture("cache", "generation.safetensors"));
    private readonly JsonDocument _cases =
        JsonDocument.Parse(File.ReadAllBytes(RepositoryFiles.Fixture("cache", "generation.json")));

    public static TheoryData<InstructionSet, int> SetsAndChunks()
    {
        TheoryData<InstructionSet, int> data = [];
        foreach (InstructionSet set in Machine.All)
        {
            foreach (int chunk in new[] { 1, 63, 100, 512 })
                data.Add(set, chunk);
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(SetsAndChunks))]
    public void Prefill_and_decode_under_a_plan_give_the_reference_logits(InstructionSet set, int chunk)
    {
        foreach (JsonElement test in _cases.RootElement.EnumerateArray())
        {
            (Transformer transformer, SequenceCache sequence, IDisposable[] owned) = Start(test, set);
            AssertSizes(test, sequence);
            int prompt = test.GetProperty("prompt_length").GetInt32();
            int[] tokens = PlanFixture.Ints(test, "input_ids");
            int vocabulary = transformer.Config.VocabularySize;
            string name = $"gen{test.GetProperty("id").GetInt32()}";
            float[] logits = ModelFixture.Run(transformer, sequence, tokens.AsSpan(0, prompt), chunk, AttentionMode.Prefill);
            float[] expected = _expected.ReadFloats($"{name}.prefill_logits");
            int[] rows = PlanFixture.Ints(test, "prefill_rows");
            for (int i = 0; i < rows.Length; i++)
                AssertSame(Row(expected, i), Row(logits, rows[i]), $"{name} prefill row {rows[i]}");

            logits = ModelFixture.Run(transformer, sequence, tokens.AsSpan(prompt), 1, AttentionMode.Decode);
            expected = _expected.ReadFloats($"{name}.decode_logits");
            Assert.Equal(expected.Length, logits.Length);
            for (int step = 0; step < tokens.Length - prompt; step++)
                AssertSame(Row(expected, step), Row(logits, step), $"{name} step {step}");
            foreach (IDisposable item in owned)
                item.Dispose();

            ReadOnlySpan<float> Row(float[] all, int row) => all.AsSpan(row * vocabulary, vocabulary);
        }
    }

    public void Dispose()
    {
        _expected.Dispose();
        _cases.Dispose();
    }

    private static (Transformer Transformer, SequenceCache Sequence, IDisposable[] Owned) Start(JsonElement test, InstructionSet set)
    {
        LoadedModel model = HuggingFaceFolder.Load(RepositoryFiles.Fixture("models", test.GetProperty("model").GetString()!));
        ComputeBackend backend = ComputeBackend.CreateCpu(2, set);
        Transformer transformer = new(model, backend);
        int length = test.GetProperty("prompt_length").GetInt32() + test.GetProperty("max_new_token").GetInt32();
        SequenceCache sequence = transformer.CreateSequence(new PlanPolicy(PlanFixture.Read(test)), length, ElementType.F32);
        return (transformer, sequence, [sequence, transformer, backend, model]);
    }

    private static void AssertSizes(JsonElement test, SequenceCache sequence)
    {
        int layer = 0;
        foreach (JsonElement heads in test.GetProperty("cache_size").EnumerateArray())
        {
            Assert.Equal(
                heads.EnumerateArray().Select(rows => rows.GetInt32() - ElasticRule.SinkTokens), sequence.Spans[layer].VisibleRing);
            layer++;
        }
    }

    private static void AssertSame(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual, string what)
    {
        double expectedTotal = LogProbability.LogSum(expected), actualTotal = LogProbability.LogSum(actual);
        for (int token = 0; token < expected.Length; token++)
        {
            double difference = Math.Abs(expected[token] - expectedTotal - (actual[token] - actualTotal));
            Assert.True(difference <= Tolerance, $"{what}: token {token} differs by {difference:E2}");
        }
    }
}
