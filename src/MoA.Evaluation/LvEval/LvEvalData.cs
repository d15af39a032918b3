using System.Collections.Frozen;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace MoA.Evaluation.LvEval;

/// <summary>The published settings of LV-Eval (Yuan et al., arXiv 2402.05136); their source stands in lveval.json.</summary>
/// <param name="Source">Where they were taken from.</param>
/// <param name="Repository">The data set on Hugging Face.</param>
/// <param name="Levels">Levels of length: 16k to 256k.</param>
/// <param name="Datasets">All data sets in the published order.</param>
/// <param name="IgnoredWords">Words that do not count as key words, by language.</param>
internal sealed record LvEvalData(
    string Source, string Repository, IReadOnlyList<string> Levels, IReadOnlyList<LvEvalDataset> Datasets,
    IReadOnlyDictionary<string, IReadOnlyList<string>> IgnoredWords)
{
    private static readonly Lazy<LvEvalData> Loaded = new(Load);

    private FrozenSet<string>? _english, _chinese;

    /// <summary>The settings that come with the program.</summary>
    public static LvEvalData Shared => Loaded.Value;

    internal FrozenSet<string> IgnoredEnglish => _english ??= IgnoredWords["english"].ToFrozenSet();

    internal FrozenSet<string> IgnoredChinese => _chinese ??= IgnoredWords["chinese"].ToFrozenSet();

    private static LvEvalData Load()
    {
        using Stream stream = typeof(LvEvalData).Assembly.GetManifestResourceStream("LvEval.lveval.json")
            ?? throw new InvalidOperationException("the assembly was built without its lveval.json");
        return JsonSerializer.Deserialize(stream, LvEvalJson.Default.LvEvalData)!;
    }
}

[JsonSourceGenerationOptions(JsonSerializerDefaults.Web, RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(LvEvalData))]
internal sealed partial class LvEvalJson : JsonSerializerContext;
