using System.Text.Json;
using System.Text.Json.Serialization;

namespace MoA.Evaluation.Reports;

/// <summary>How reports look in JSON; generated at build time, so that no reflection is needed.</summary>
[JsonSourceGenerationOptions(
    JsonSerializerDefaults.Web,
    NumberHandling = JsonNumberHandling.Strict,
    PropertyNameCaseInsensitive = false,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(CompressionReport))]
internal sealed partial class ReportJsonContext : JsonSerializerContext;
