using System.Text.Json;
using MoA.Engine.Attention;
using MoA.Engine.Configuration;
using MoA.Engine.KvCache;
using MoA.Engine.Numerics;
using MoA.Engine.Tests.Kernels;
using MoA.Tests;

namespace MoA.Engine.Tests.KvCache;

/// <summary>Rows of every head under published plans, exactly as the research code sizes them (sizes.json).</summary>
public sealed class CacheSizeTests
{
    [Fact]
    public void Every_rule_keeps_the_reference_rows()
    {
        foreach (JsonElement test in Cases())
        {
            int length = Length(test);
            foreach (JsonElement expected in test.GetProperty("per_rule").EnumerateArray())
            {
                ElasticRule rule = new(expected.GetProperty("alpha").GetDouble(), expected.GetProperty("beta").GetDouble());
                Assert.Equal(expected.GetProperty("cache_size").GetInt32(), rule.Rows(length));
                Assert.Equal(expected.GetProperty("circular_size").GetInt32(), rule.RingRows(length));
                Assert.Equal(ElasticRule.SinkTokens, expected.GetProperty("static_size").GetInt32());
            }
        }
    }

    [Fact]
    public void Caches_under_a_plan_have_the_reference_rows_and_bytes()
    {
        const int headSize = 2, bytesPerRow = 2 * 2 * headSize; // key and value in BF16
        foreach (JsonElement test in Cases())
        {
            int length = Length(test);
            AttentionPlan plan = PlanFixture.Load(test.GetProperty("plan").GetString()!);
            PlanPolicy policy = new(plan);
            ModelConfig config = AttentionLayer.Config(plan.HeadsPerLayer, plan.HeadsPerLayer, headSize, layers: plan.Layers);
            int[] slots = PlanFixture.Ints(test, "total_slots_per_layer");
            Assert.Equal(slots.Select(rows => (long)rows), policy.Resolve(config, length).Select(layer => layer.StoredRows));

            NativeAllocator allocator = new();
            using SequenceCache cache = new(config, policy, length, ElementType.BF16, allocator);
            long bytes = slots.Sum(rows => (long)rows) * bytesPerRow;
            Assert.Equal(bytes, cache.Bytes);
            Assert.Equal(bytes, allocator.AllocatedBytes);
            Assert.Equal(bytes, SequenceCache.EstimateBytes(config, policy, length, ElementType.BF16));
            double meanRows = (double)slots.Sum(rows => (long)rows) / (plan.Layers * plan.HeadsPerLayer);
            Assert.Equal(test.GetProperty("mean_cache_over_length").GetDouble(), meanRows / length, 1e-12);
            int layer = 0;
            foreach (JsonElement heads in test.GetProperty("cache_size").EnumerateArray())
            {
                int[] expected = [.. heads.EnumerateArray().Select(rows => rows.GetInt32())];
                Assert.Equal(expected, Enumerable.Range(0, plan.HeadsPerLayer).Select(head => cache.Head(layer, head).Rows));
                layer++;
            }
        }
    }

    /// <summary>A KV head of a grouped model stores what the greediest query head of its group keeps.</summary>
    [Fact]
    public void Grouped_heads_store_the_largest_rows_of_their_group()
    {
        JsonElement test = Cases().Single(item => Length(item) == 8192 + 1024);
        AttentionPlan plan = PlanFixture.Load(test.GetProperty("plan").GetString()!);
        ModelConfig config = AttentionLayer.Config(plan.HeadsPerLayer, plan.HeadsPerLayer / 8, 128, layers: plan.Layers);
        LayerSpans[] spans = new PlanPolicy(plan).Resolve(config, Length(test));
        int layer = 0;
        foreach (JsonElement heads in test.GetProperty("cache_size").EnumerateArray())
        {
            int[][] groups = [.. heads.EnumerateArray().Select(rows => rows.GetInt32() - 64).Chunk(8)];
            Assert.Equal(groups.Select(group => new HeadLayout(64, group.Max())), spans[layer].Stored);
            Assert.Equal(groups.SelectMany(group => group), spans[layer].VisibleRing);
            layer++;
        }
    }

    private static List<JsonElement> Cases()
    {
        using JsonDocument file = JsonDocument.Parse(File.ReadAllBytes(RepositoryFiles.Fixture("cache", "sizes.json")));
        return [.. file.RootElement.EnumerateArray().Select(item => item.Clone())];
    }

    private static int Length(JsonElement test) =>
        test.GetProperty("seq_len").GetInt32() + test.GetProperty("max_new_token").GetInt32();
}
