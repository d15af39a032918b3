using System.Text.Encodings.Web;
using System.Text.Json;

namespace MoA.Serving.Chat.Replies;

/// <summary>Of which types a tool's schema lets its arguments be, where a model writes every one as a text.</summary>
internal sealed class ParameterTypes
{
    private const int MostSteps = 64;

    private readonly JsonElement _root;

    /// <param name="schema">The schema of the parameters; null for none.</param>
    public ParameterTypes(string? schema)
    {
        using JsonDocument document = JsonDocument.Parse(schema ?? "{}");
        _root = document.RootElement.Clone();
    }

    /// <summary>Whether an argument is a text, whatever it looks like: where the schema says so, or says nothing.</summary>
    public bool IsText(string key) => IsText(TypesOf(key));

    /// <summary>Whether only texts are of some types; none are known where there are no types.</summary>
    public static bool IsText(IReadOnlySet<string> types) => types.Count == 0 || types.SetEquals(["string"]);

    /// <summary>An argument as JSON: of a type that the schema allows where it can be read so, else as a text.</summary>
    public string ToJson(string key, string text)
    {
        IReadOnlySet<string> types = TypesOf(key);
        string trimmed = text.Trim();
        string json = trimmed switch { "True" or "TRUE" => "true", "False" or "FALSE" => "false", "None" or "NULL" => "null", _ => trimmed };
        string? found = OfType(json, types) ?? (PythonLiteral.TryRead(trimmed, out string? read) ? OfType(read!, types) : null);
        return !IsText(types) && found is not null ? found : $"\"{JsonEncodedText.Encode(text, JavaScriptEncoder.UnsafeRelaxedJsonEscaping)}\"";
    }

    /// <summary>The types that a schema names, in itself or in what it is put together from.</summary>
    /// <param name="schema">The schema.</param>
    /// <param name="root">What its references lead into.</param>
    public static IReadOnlySet<string> TypesOf(JsonElement schema, JsonElement root)
    {
        HashSet<string> types = [];
        int steps = 0;
        Gather(schema, root, types, ref steps);
        return types;
    }

    private IReadOnlySet<string> TypesOf(string key) =>
        _root.ValueKind == JsonValueKind.Object && _root.TryGetProperty("properties", out JsonElement properties) && properties.ValueKind == JsonValueKind.Object
            && properties.TryGetProperty(key, out JsonElement schema) ? TypesOf(schema, _root) : new HashSet<string>();

    private static void Gather(JsonElement schema, JsonElement root, HashSet<string> types, ref int steps)
    {
        if (schema.ValueKind != JsonValueKind.Object || ++steps > MostSteps)
            return;
        if (schema.TryGetProperty("type", out JsonElement type))
        {
            foreach (JsonElement one in type.ValueKind == JsonValueKind.Array ? [.. type.EnumerateArray()] : (JsonElement[])[type])
                _ = types.Add(one.ToString());
            return;
        }

        if (schema.TryGetProperty("const", out JsonElement only))
            _ = types.Add(TypeOf(only));
        if (schema.TryGetProperty("enum", out JsonElement values) && values.ValueKind == JsonValueKind.Array)
            types.UnionWith(values.EnumerateArray().Select(TypeOf));
        foreach (string word in (ReadOnlySpan<string>)["anyOf", "oneOf", "allOf"])
        {
            if (!schema.TryGetProperty(word, out JsonElement parts) || parts.ValueKind != JsonValueKind.Array)
                continue;
            foreach (JsonElement part in parts.EnumerateArray())
                Gather(part, root, types, ref steps);
        }

        if (schema.TryGetProperty("$ref", out JsonElement reference) && Find(root, reference.ToString()) is JsonElement found)
            Gather(found, root, types, ref steps);
    }

    private static JsonElement? Find(JsonElement root, string reference)
    {
        if (!reference.StartsWith("#/", StringComparison.Ordinal))
            return null;
        foreach (string part in reference[2..].Split('/'))
        {
            if (root.ValueKind != JsonValueKind.Object || !root.TryGetProperty(part.Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal), out root))
                return null;
        }

        return root;
    }

    private static string? OfType(string json, IReadOnlySet<string> types)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(json);
            string type = TypeOf(document.RootElement);
            return type != "string" && (types.Contains(type) || (type == "integer" && types.Contains("number"))) ? json : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static string TypeOf(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => "object",
        JsonValueKind.Array => "array",
        JsonValueKind.True or JsonValueKind.False => "boolean",
        JsonValueKind.Null => "null",
        JsonValueKind.Number => value.TryGetDecimal(out decimal number) && number == decimal.Truncate(number) ? "integer" : "number",
        _ => "string",
    };
}
