using System.Text.Json;
using System.Text.Json.Serialization;

namespace MoA.Evaluation.Ruler;

/// <summary>The published settings of RULER (Hsieh et al., arXiv 2404.06654); their source stands in ruler.json.</summary>
/// <param name="Source">Where they were taken from.</param>
/// <param name="Noise">The sentences of the noise.</param>
/// <param name="Needle">A needle with <c>{type}</c>, <c>{key}</c> and <c>{value}</c>.</param>
/// <param name="Prompts">How each kind of task is asked.</param>
/// <param name="Tasks">All tasks in the published order.</param>
/// <param name="Adjectives">Words, parted by spaces.</param>
/// <param name="Nouns">Words, parted by spaces.</param>
internal sealed record RulerData(
    string Source, string Noise, string Needle, IReadOnlyDictionary<string, RulerPrompt> Prompts, IReadOnlyList<RulerTask> Tasks, string Adjectives, string Nouns)
{
    private static readonly Lazy<RulerData> Loaded = new(Load);

    /// <summary>The settings that come with the program.</summary>
    public static RulerData Shared => Loaded.Value;

    private static RulerData Load()
    {
        using Stream stream = typeof(RulerData).Assembly.GetManifestResourceStream("Ruler.ruler.json")
            ?? throw new InvalidOperationException("the assembly was built without its ruler.json");
        return JsonSerializer.Deserialize(stream, RulerJson.Default.RulerData)!;
    }
}

[JsonSourceGenerationOptions(JsonSerializerDefaults.Web, RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(RulerData))]
internal sealed partial class RulerJson : JsonSerializerContext;
