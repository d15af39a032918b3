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

/// <summary>Losses of answers under plans, and the plan that they select (validation.json, the deployed_* values).</summary>
public sealed class PlanValidationTests
{
    public static IEnumerable<object?[]> Sets => Machine.InstructionSets;

    [Theory]
    [MemberData(nameof(Sets))]
    internal void Plans_have_the_reference_losses_and_the_same_one_is_selected(InstructionSet set)
    {
        using JsonDocument file = JsonDocument.Parse(File.ReadAllBytes(RepositoryFiles.Fixture("cache", "validation.json")));
        foreach (JsonElement test in file.RootElement.EnumerateArray())
        {
            using LoadedModel model = HuggingFaceFolder.Load(
                RepositoryFiles.Fixture("models", test.GetProperty("model").GetString()!));
            using ComputeBackend backend = ComputeBackend.CreateCpu(2, set);
            using Transformer transformer = new(model, backend);
            AssertLosses(test, "dense_loss_per_item", Losses(transformer, test, new DensePolicy()));
            List<double> means = [];
            foreach (JsonElement plan in test.GetProperty("plans").EnumerateArray())
            {
                double[] losses = Losses(transformer, test, new PlanPolicy(PlanFixture.Read(plan)));
                AssertLosses(plan, "deployed_loss_per_item", losses);
                means.Add(losses.Average());
                Assert.Equal(plan.GetProperty("deployed_mean").GetDouble(), means[^1], 1e-4);
            }

            Assert.Equal(test.GetProperty("selected_by_deployed").GetInt32(), means.IndexOf(means.Min()));
        }
    }

    private static void AssertLosses(JsonElement owner, string name, double[] losses)
    {
        double[] expected = [.. owner.GetProperty(name).EnumerateArray().Select(loss => loss.GetDouble())];
        Assert.Equal(expected.Length, losses.Length);
        Assert.All(expected.Zip(losses), pair => Assert.Equal(pair.First, pair.Second, 1e-4));
    }

    private static double[] Losses(Transformer transformer, JsonElement test, AttentionPolicy policy)
    {
        int length = test.GetProperty("length").GetInt32();
        (int From, int To)[] spans = [.. test.GetProperty("response_spans").EnumerateArray().Select(
            span => (span[0].GetInt32(), span[1].GetInt32()))];
        return [.. test.GetProperty("items").EnumerateArray().Select(item =>
        {
            int[] tokens = [.. item.EnumerateArray().Select(token => token.GetInt32())];
            Assert.Equal(length, tokens.Length);
            using SequenceCache sequence = transformer.CreateSequence(policy, length, ElementType.F32);
            float[] logits = ModelFixture.Run(transformer, sequence, tokens, 512, AttentionMode.Prefill);
            return spans.SelectMany(span => Enumerable.Range(span.From, span.To - span.From)).Average(answer =>
            {
                int vocabulary = transformer.Config.VocabularySize;
                ReadOnlySpan<float> row = logits.AsSpan((answer - 1) * vocabulary, vocabulary);
                return LogProbability.LogSum(row) - row[tokens[answer]];
            });
        })];
    }
}
