using System.Text.Json;
using System.Text.Json.Serialization;

namespace MoA.Evaluation.LongBench;

/// <summary>The published settings of LongBench (Bai et al., arXiv 2308.14508); their source stands in longbench.json.</summary>
/// <param name="Source">Where they were taken from.</param>
/// <param name="Repository">The data set on Hugging Face.</param>
/// <param name="Datasets">All data sets in the published order.</param>
internal sealed record LongBenchData(string Source, string Repository, IReadOnlyList<LongBenchDataset> Datasets)
{
    private static readonly Lazy<LongBenchData> Loaded = new(Load);

    /// <summary>The settings that come with the program.</summary>
    public static LongBenchData Shared => Loaded.Value;

    private static LongBenchData Load()
    {
        using Stream stream = typeof(LongBenchData).Assembly.GetManifestResourceStream("LongBench.longbench.json")
            ?? throw new InvalidOperationException("the assembly was built without its longbench.json");
        return JsonSerializer.Deserialize(stream, LongBenchJson.Default.LongBenchData)!;
    }
}

[JsonSourceGenerationOptions(JsonSerializerDefaults.Web, RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(LongBenchData))]
internal sealed partial class LongBenchJson : JsonSerializerContext;
