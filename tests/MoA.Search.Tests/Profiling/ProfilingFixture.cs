using System.Text.Json;
using MoA.Engine.Files;
using MoA.Engine.Models.Loading;
using MoA.Engine.Numerics;
using MoA.Engine.Tokenization;
using MoA.Search.Profiling;
using MoA.Tests;

namespace MoA.Search.Tests.Profiling;

/// <summary>Items, losses and influence computed in float64 by an independent program.</summary>
internal sealed class ProfilingFixture
{
    public static readonly string[] Names =
        ["llama-mha-n256", "llama-mha-n512", "llama-gqa-llama3-n256", "llama-gqa-llama3-n512", "gemma3-n192", "phi3-longrope-n192", "qwen3-moe-n192"];

    private ProfilingFixture(string name)
    {
        using JsonDocument file = JsonDocument.Parse(File.ReadAllText(Path(name, "items.json")));
        ModelName = file.RootElement.GetProperty("model").GetString()!;
        JsonElement[] items = [.. file.RootElement.GetProperty("items").EnumerateArray()];
        Items = [.. items.Select((item, index) => Item(item, $"{name}:{index}"))];
        Losses = [.. items.Select(item => item.GetProperty("loss").GetDouble())];
        using SafetensorsFile expected = SafetensorsFile.Open(Path(name, "expected.safetensors"));
        BlockSums = [.. Enumerable.Range(0, items.Length).Select(k => expected.ReadFloats($"block_sums.item{k}"))];
        MeanBlockSums = expected.ReadFloats("block_sums_mean");
    }

    public static IEnumerable<InstructionSet> InstructionSets => Enum.GetValues<InstructionSet>();

    public string ModelName { get; }

    public ProfileItem[] Items { get; }

    public double[] Losses { get; }

    public float[][] BlockSums { get; }

    public float[] MeanBlockSums { get; }

    public static ProfilingFixture Load(string name) => new(name);

    public static LoadedModel Model(string name) => HuggingFaceFolder.Load(RepositoryFiles.Fixture("models", name));

    public static string Path(string name, string file) => RepositoryFiles.Fixture("profiling", name, file);

    private static ProfileItem Item(JsonElement item, string origin)
    {
        AnswerSpan[] answers = [.. item.GetProperty("response_spans").EnumerateArray()
            .Select(span => new AnswerSpan(span[0].GetInt32(), span[1].GetInt32()))];
        return new ProfileItem(
            [.. item.GetProperty("input_ids").EnumerateArray().Select(id => id.GetInt32())], answers, origin);
    }
}
