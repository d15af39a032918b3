using System.Text.Json;

namespace MoA.Engine.Tokenization.Jinja;

/// <summary>JSON text as the values that Python's <c>json.loads</c> makes of it.</summary>
internal static class JinjaJsonReader
{
    private static readonly JsonDocumentOptions Limits = new() { MaxDepth = 90 };

    /// <param name="json">The text.</param>
    /// <param name="origin">Who wrote it.</param>
    /// <param name="what">What it is, for errors.</param>
    /// <exception cref="InvalidInputException">It is not a JSON object.</exception>
    public static JinjaMap ReadObject(string json, int origin, string what)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(json, Limits);
            return document.RootElement.ValueKind == JsonValueKind.Object
                ? Map(document.RootElement, origin)
                : throw new InvalidInputException($"{what}: expected a JSON object, found {document.RootElement.ValueKind}");
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new InvalidInputException($"{what}: expected a JSON object; {e.Message.ReplaceLineEndings(" ")}", e);
        }
    }

    private static object? Value(JsonElement element, int origin) => element.ValueKind switch
    {
        JsonValueKind.Null => null,
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        JsonValueKind.Number => Number(element),
        JsonValueKind.String => new TracedText(element.GetString()!, origin),
        JsonValueKind.Array => JinjaList.Of(element.EnumerateArray().Select(item => Value(item, origin))),
        _ => Map(element, origin),
    };

    private static JinjaMap Map(JsonElement element, int origin)
    {
        var map = new JinjaMap();
        foreach (JsonProperty member in element.EnumerateObject())
            map[(object)new TracedText(member.Name, origin)] = Value(member.Value, origin);
        return map;
    }

    private static object Number(JsonElement element)
    {
        if (element.TryGetInt64(out long whole))
            return whole;
        string digits = element.GetRawText();
        return digits.AsSpan().ContainsAny('.', 'e', 'E') ? element.GetDouble() : new JinjaLongNumber(digits);
    }
}
