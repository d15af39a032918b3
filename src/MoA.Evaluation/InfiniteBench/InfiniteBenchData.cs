using System.Text.Json;
using System.Text.Json.Serialization;

namespace MoA.Evaluation.InfiniteBench;

/// <summary>The published settings of InfiniteBench (Zhang et al., arXiv 2402.13718); their source stands in infinitebench.json.</summary>
/// <param name="Source">Where they were taken from.</param>
/// <param name="Repository">The data set on Hugging Face.</param>
/// <param name="Datasets">All data sets in the published order.</param>
internal sealed record InfiniteBenchData(string Source, string Repository, IReadOnlyList<InfiniteBenchDataset> Datasets)
{
    private static readonly Lazy<InfiniteBenchData> Loaded = new(Load);

    /// <summary>The settings that come with the program.</summary>
    public static InfiniteBenchData Shared => Loaded.Value;

    private static InfiniteBenchData Load()
    {
        using Stream stream = typeof(InfiniteBenchData).Assembly.GetManifestResourceStream("InfiniteBench.infinitebench.json")
            ?? throw new InvalidOperationException("the assembly was built without its infinitebench.json");
        return JsonSerializer.Deserialize(stream, InfiniteBenchJson.Default.InfiniteBenchData)!;
    }
}

[JsonSourceGenerationOptions(JsonSerializerDefaults.Web, RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(InfiniteBenchData))]
internal sealed partial class InfiniteBenchJson : JsonSerializerContext;
