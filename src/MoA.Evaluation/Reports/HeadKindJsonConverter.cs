using System.Text.Json;
using System.Text.Json.Serialization;
using MoA.Engine.Attention;

namespace MoA.Evaluation.Reports;

/// <summary>Writes a <see cref="HeadKind"/> as plan files do: "query" or "keyValue".</summary>
internal sealed class HeadKindJsonConverter()
    : JsonStringEnumConverter<HeadKind>(JsonNamingPolicy.CamelCase, allowIntegerValues: false);
