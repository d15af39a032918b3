using System.Text.Json;
using MoA.Engine.Attention;
using MoA.Engine.Files;
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

    public static IEnumerable<object?[]> SetsAndChunks()
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
    internal void Prefill_and_decode_under_a_plan_give_the_reference_logits(InstructionSet set, int chunk)
    {
        using ComputeBackend backend = ComputeBackend.CreateCpu(2, set);
        foreach (JsonElement test in _cases.RootElement.EnumerateArray())
        {
            using LoadedModel model = HuggingFaceFolder.Load(
                RepositoryFiles.Fixture("models", test.GetProperty("model").GetString()!));
            using Transformer transformer = new(model, backend);
            string name = $"gen{test.GetProperty("id").GetInt32()}";
            int prompt = test.GetProperty("prompt_length").GetInt32();
            int[] tokens = PlanFixture.Ints(test, "input_ids");
            PlanPolicy policy = new(PlanFixture.Read(test));
            using SequenceCache sequence = transformer.CreateSequence(
                policy, prompt + test.GetProperty("max_new_token").GetInt32(), ElementType.F32);
            AssertSizes(test, sequence);

            float[] logits = ModelFixture.Run(transformer, sequence, tokens.AsSpan(0, prompt), chunk, AttentionMode.Prefill);
            AssertSame($"{name}.prefill_logits", logits, PlanFixture.Ints(test, "prefill_rows"), model.Config.VocabularySize);
            logits = ModelFixture.Run(transformer, sequence, tokens.AsSpan(prompt), 1, AttentionMode.Decode);
            int[] steps = [.. Enumerable.Range(0, tokens.Length - prompt)];
            AssertSame($"{name}.decode_logits", logits, steps, model.Config.VocabularySize);
        }
    }

    public void Dispose()
    {
        _expected.Dispose();
        _cases.Dispose();
    }

    private static void AssertSizes(JsonElement test, SequenceCache sequence)
    {
        int layer = 0;
        foreach (JsonElement heads in test.GetProperty("cache_size").EnumerateArray())
        {
            int[] rings = [.. heads.EnumerateArray().Select(rows => rows.GetInt32() - ElasticRule.SinkTokens)];
            Assert.Equal(rings, sequence.Spans[layer].VisibleRing);
            layer++;
        }
    }

    private void AssertSame(string name, float[] logits, int[] rows, int vocabulary)
    {
        float[] expected = _expected.ReadFloats(name);
        Assert.Equal(expected.Length, rows.Length * vocabulary);
        for (int i = 0; i < rows.Length; i++)
        {
            ReadOnlySpan<float> wanted = expected.AsSpan(i * vocabulary, vocabulary);
            ReadOnlySpan<float> actual = logits.AsSpan(rows[i] * vocabulary, vocabulary);
            double shift = LogProbability.LogSum(wanted) - LogProbability.LogSum(actual);
            for (int token = 0; token < vocabulary; token++)
            {
                double difference = Math.Abs(wanted[token] - actual[token] - shift);
                Assert.True(difference <= Tolerance, $"{name}, row {i}: token {token} differs by {difference:E2}");
            }
        }
    }
}
