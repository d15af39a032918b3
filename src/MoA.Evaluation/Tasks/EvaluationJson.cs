using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace MoA.Evaluation.Tasks;

/// <summary>How result folders look in JSON; generated at build time, so that no reflection is needed.</summary>
[JsonSerializable(typeof(Prediction))]
[JsonSerializable(typeof(EvaluationConfiguration))]
[JsonSerializable(typeof(EvaluationMetrics))]
[JsonSerializable(typeof(EvaluationTiming))]
internal sealed partial class EvaluationJson : JsonSerializerContext
{
    /// <summary>One object a line; any script as it is.</summary>
    public static EvaluationJson Lines { get; } = new(Create(indented: false));

    /// <summary>Files that people read.</summary>
    public static EvaluationJson Indented { get; } = new(Create(indented: true));

    private static JsonSerializerOptions Create(bool indented) => new(JsonSerializerDefaults.Web)
    {
        NumberHandling = JsonNumberHandling.Strict,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        WriteIndented = indented,
    };
}
