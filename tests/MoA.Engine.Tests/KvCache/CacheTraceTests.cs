using System.Text.Json;
using MoA.Engine.Attention;
using MoA.Engine.Kernels;
using MoA.Engine.KvCache;
using MoA.Engine.Numerics;
using MoA.Engine.Tests.Kernels;
using MoA.Tests;

namespace MoA.Engine.Tests.KvCache;

/// <summary>
/// Which token stands in which slot after prefill and after every decode step (traces.json): rows that carry their
/// position go through the real kernels and are read back from the cache's memory.
/// </summary>
public sealed unsafe class CacheTraceTests
{
    public static IEnumerable<object?[]> SetsAndChunks()
    {
        TheoryData<InstructionSet, int> data = [];
        foreach (InstructionSet set in Machine.All)
        {
            foreach (int chunk in new[] { 7, 64, 100, 4096 })
                data.Add(set, chunk);
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(SetsAndChunks))]
    internal void Rows_stand_in_the_reference_slots(InstructionSet set, int chunk)
    {
        using ComputeBackend backend = ComputeBackend.CreateCpu(2, set);
        using JsonDocument file = JsonDocument.Parse(File.ReadAllBytes(RepositoryFiles.Fixture("cache", "traces.json")));
        foreach (JsonElement test in file.RootElement.GetProperty("cases").EnumerateArray())
            Check(backend, test, chunk);
    }

    private static void Check(ComputeBackend backend, JsonElement test, int chunk)
    {
        int prompt = test.GetProperty("prompt_length").GetInt32();
        int[][] steps = [.. test.GetProperty("steps").EnumerateArray().Select(
            step => step.EnumerateArray().Select(item => item.GetInt32()).ToArray())];
        ElasticRule rule = new(test.GetProperty("alpha").GetDouble(), test.GetProperty("beta").GetDouble());
        PlanPolicy policy = new(AttentionPlan.Uniform(1, 1, HeadKind.Query, rule));
        int capacity = prompt + test.GetProperty("max_new_token").GetInt32();
        using AttentionLayer layer = new(backend, PositionRows.Create(prompt + steps.Length, 1), policy, capacity);
        HeadCache cache = layer.Cache.Head(0, 0);
        Assert.Equal(test.GetProperty("cache_size").GetInt32(), cache.Rows);
        PositionRows.MarkEmpty(cache);

        layer.Prefill(prompt, chunk);
        int[] slots = PlanFixture.Ints(test, "slots_after_prefill");
        Assert.Equal(slots, PositionRows.Read(cache));
        foreach (int[] step in steps)
        {
            layer.Decode(1);
            (int position, int slot, int evicted, int valid) = (step[0], step[1], step[2], step[3]);
            Assert.Equal(slot, cache.Slot(position));
            Assert.Equal(evicted, slots[slot]);
            slots[slot] = position;
            Assert.True(slots.SequenceEqual(PositionRows.Read(cache)), $"other rows than expected at position {position}");
            Assert.Equal(valid, slots.Count(held => held >= 0));
            int[] ring = [.. slots.Skip(ElasticRule.SinkTokens).Where(held => held >= 0)];
            Assert.Equal(ring.DefaultIfEmpty(ElasticRule.SinkTokens).Min(), cache.OldestInRing(position + 1));
        }

        Assert.Equal(PlanFixture.Ints(test, "slots_after_last_step"), PositionRows.Read(cache));
    }
}
