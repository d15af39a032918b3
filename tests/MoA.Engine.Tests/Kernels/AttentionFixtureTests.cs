using System.Text.Json;
using MoA.Engine.Files;
using MoA.Engine.Kernels;
using MoA.Engine.Numerics;
using MoA.Tests;

namespace MoA.Engine.Tests.Kernels;

/// <summary>
/// The kernels against outputs of an independent program (tests/fixtures/cache/attention.*). One head of prefill 0 keeps
/// two sink blocks, which the engine's fixed sink of 64 tokens cannot express: it checks the tests' own reference, as do
/// all other cases.
/// </summary>
public sealed class AttentionFixtureTests : IDisposable
{
    private readonly SafetensorsFile _tensors = SafetensorsFile.Open(RepositoryFiles.Fixture("cache", "attention.safetensors"));
    private readonly JsonDocument _cases =
        JsonDocument.Parse(File.ReadAllBytes(RepositoryFiles.Fixture("cache", "attention.json")));

    public static IEnumerable<object?[]> SetsAndChunks()
    {
        TheoryData<InstructionSet, int> data = [];
        foreach (InstructionSet set in Machine.All)
        {
            foreach (int chunk in new[] { 1, 7, 63, 64, 65, 100, 256 })
                data.Add(set, chunk);
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(SetsAndChunks))]
    internal void Prefill_gives_the_reference_outputs(InstructionSet set, int chunk)
    {
        using ComputeBackend backend = ComputeBackend.CreateCpu(2, set);
        int checkedHeads = 0;
        foreach (JsonElement test in _cases.RootElement.GetProperty("prefill").EnumerateArray())
        {
            (string name, HeadRows rows, float[] expected) = Read(test, "prefill", test.GetProperty("length").GetInt32());
            int[] sinks = Ints(test, "num_global_blocks");
            int[] bands = Ints(test, "num_band_blocks");
            int capacity = Math.Max(rows.Positions, 64 * (bands.Max() + 1));
            using AttentionLayer layer = new(backend, rows, AttentionLayer.Rings(bands), capacity);
            layer.Prefill(rows.Positions, chunk);
            for (int head = 0; head < rows.QueryHeads; head++)
            {
                if (sinks[head] != 1)
                    continue;
                checkedHeads++;
                AssertClose(HeadOf(rows, expected, head), HeadOf(rows, layer.Outputs, head), 1e-4, $"{name} head {head}");
            }
        }

        Assert.Equal(3 + 2 + 2, checkedHeads);
    }

    [Theory]
    [MemberData(nameof(SetsAndChunks))]
    internal void Decode_gives_the_reference_outputs(InstructionSet set, int chunk)
    {
        using ComputeBackend backend = ComputeBackend.CreateCpu(2, set);
        foreach (JsonElement test in _cases.RootElement.GetProperty("decode").EnumerateArray())
        {
            int prompt = test.GetProperty("prompt_length").GetInt32(), steps = test.GetProperty("steps").GetInt32();
            (string name, HeadRows rows, float[] expected) = Read(test, "decode", prompt + steps);
            Assert.All(Ints(test, "static_size"), sink => Assert.Equal(64, sink));
            int[] rings = [.. Ints(test, "cache_size").Select(size => size / 64 - 1)];
            int capacity = Math.Max(rows.Positions, 64 * (rings.Max() + 1));
            using AttentionLayer layer = new(backend, rows, AttentionLayer.Rings(rings), capacity);
            layer.Prefill(prompt, chunk);
            layer.Decode(steps);
            int first = prompt * rows.QueryHeads * rows.HeadSize;
            AssertClose(expected[first..], layer.Outputs[first..], 1e-4, name);
        }
    }

    [Fact]
    public void The_scalar_reference_gives_the_reference_outputs()
    {
        foreach (JsonElement test in _cases.RootElement.GetProperty("prefill").EnumerateArray())
        {
            (string name, HeadRows rows, float[] expected) = Read(test, "prefill", test.GetProperty("length").GetInt32());
            int[] sinks = Ints(test, "num_global_blocks"), bands = Ints(test, "num_band_blocks");
            float[] outputs = ReferenceAttention.Run(rows, (head, query, key) =>
                ReferenceAttention.SeesInPrefill(query, key, 64 * bands[head]) || (key <= query && key / 64 < sinks[head]));
            AssertClose(expected, outputs, 1e-6, name);
        }

        foreach (JsonElement test in _cases.RootElement.GetProperty("decode").EnumerateArray())
        {
            int prompt = test.GetProperty("prompt_length").GetInt32();
            (string name, HeadRows rows, float[] expected) = Read(test, "decode", prompt + test.GetProperty("steps").GetInt32());
            int[] sizes = Ints(test, "cache_size");
            float[] outputs = ReferenceAttention.Run(
                rows, (head, query, key) => ReferenceAttention.SeesInDecode(query, key, sizes[head] - 64), prompt);
            AssertClose(expected, outputs, 1e-6, name);
        }
    }

    public void Dispose()
    {
        _tensors.Dispose();
        _cases.Dispose();
    }

    private (string Name, HeadRows Rows, float[] Outputs) Read(JsonElement test, string kind, int positions)
    {
        string name = $"{kind}{test.GetProperty("id").GetInt32()}";
        int headSize = test.GetProperty("head_dim").GetInt32();
        int heads = (int)(_tensors[$"{name}.k"].Length / 4 / positions / headSize);
        HeadRows rows = HeadRows.Read(_tensors, name, heads, positions, headSize);
        return (name, rows, HeadRows.PositionsFirst(_tensors.ReadFloats($"{name}.o"), heads, positions, headSize));
    }

    private static int[] Ints(JsonElement test, string name) =>
        [.. test.GetProperty(name).EnumerateArray().Select(item => item.GetInt32())];

    private static float[] HeadOf(HeadRows rows, float[] outputs, int head) =>
        [.. outputs.Chunk(rows.HeadSize).Where((_, i) => i % rows.QueryHeads == head).SelectMany(row => row)];

    private static void AssertClose(float[] expected, float[] actual, double tolerance, string what)
    {
        double difference = Difference.Largest(actual, expected);
        Assert.True(difference <= tolerance, $"{what}: outputs differ by {difference:E2}");
    }
}
