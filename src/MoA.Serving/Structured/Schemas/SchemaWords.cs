using System.Text.Json;

namespace MoA.Serving.Structured.Schemas;

/// <summary>The words of JSON Schema that are known, and which kinds of values they speak of.</summary>
internal static class SchemaWords
{
    private static readonly Dictionary<string, JsonKinds> Kinds = new()
    {
        ["properties"] = JsonKinds.Object,
        ["required"] = JsonKinds.Object,
        ["additionalProperties"] = JsonKinds.Object,
        ["items"] = JsonKinds.Array,
        ["prefixItems"] = JsonKinds.Array,
        ["minItems"] = JsonKinds.Array,
        ["maxItems"] = JsonKinds.Array,
        ["minLength"] = JsonKinds.String,
        ["maxLength"] = JsonKinds.String,
        ["pattern"] = JsonKinds.String,
        ["format"] = JsonKinds.String,
        ["minimum"] = JsonKinds.Number,
        ["maximum"] = JsonKinds.Number,
        ["exclusiveMinimum"] = JsonKinds.Number,
        ["exclusiveMaximum"] = JsonKinds.Number,
        ["multipleOf"] = JsonKinds.Number,
    };

    private static readonly HashSet<string> Others = ["type", "enum", "const", "$ref", "allOf", "anyOf", "oneOf"];

    // What says nothing about which values are valid.
    private static readonly HashSet<string> Ignored =
    [
        "$schema", "$comment", "$defs", "definitions", "title", "description", "default", "example", "examples", "deprecated", "readOnly",
        "writeOnly", "discriminator", "contentEncoding", "contentMediaType",
    ];

    /// <summary>Refuses words that are not known, by name.</summary>
    public static void Check(SchemaPlace place)
    {
        if (place.Schema.ValueKind != JsonValueKind.Object)
            return;
        foreach (JsonProperty word in place.Schema.EnumerateObject())
        {
            if (Kinds.ContainsKey(word.Name) || Others.Contains(word.Name) || Ignored.Contains(word.Name) || SaysNothing(place, word))
                continue;
            string advice = word.Name switch
            {
                "nullable" => "; write \"type\": [\"string\", \"null\"] or the like",
                "additionalItems" => "; write prefixItems and items",
                _ => "",
            };
            throw place.Refuse($"the word '{SchemaPlace.Shorten(word.Name)}' is not supported{advice}");
        }
    }

    /// <summary>The kinds of values that a schema's words speak of, beside its type.</summary>
    public static JsonKinds KindsOf(SchemaPlace place) => place.Schema.ValueKind != JsonValueKind.Object
        ? JsonKinds.None
        : place.Schema.EnumerateObject().Aggregate(JsonKinds.None, (kinds, word) => kinds | Kinds.GetValueOrDefault(word.Name));

    /// <summary>The kinds that a schema's <c>type</c> names; all if it has none.</summary>
    public static JsonKinds TypesOf(SchemaPlace place)
    {
        if (place["type"] is not JsonElement type)
            return JsonKinds.Every;
        return type.ValueKind == JsonValueKind.Array
            ? type.EnumerateArray().Aggregate(JsonKinds.None, (kinds, one) => kinds | TypeOf(place, one))
            : TypeOf(place, type);
    }

    /// <summary>The kind of a value.</summary>
    public static JsonKinds KindOf(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Null => JsonKinds.Null,
        JsonValueKind.True or JsonValueKind.False => JsonKinds.Boolean,
        JsonValueKind.String => JsonKinds.String,
        JsonValueKind.Array => JsonKinds.Array,
        JsonValueKind.Object => JsonKinds.Object,
        _ => !Decimals.TryParse(value.GetRawText(), out Decimals number) || number.IsWhole ? JsonKinds.Integer : JsonKinds.Fraction,
    };

    private static JsonKinds TypeOf(SchemaPlace place, JsonElement type) => place.Text("type", type) switch
    {
        "null" => JsonKinds.Null,
        "boolean" => JsonKinds.Boolean,
        "integer" => JsonKinds.Integer,
        "number" => JsonKinds.Number,
        "string" => JsonKinds.String,
        "array" => JsonKinds.Array,
        "object" => JsonKinds.Object,
        var other => throw place.Refuse($"type '{SchemaPlace.Shorten(other)}' is none of null, boolean, integer, number, string, array, object"),
    };

    private static bool SaysNothing(SchemaPlace place, JsonProperty word) => word.Name switch
    {
        "$id" => place.Path == "#",
        "uniqueItems" or "nullable" => word.Value.ValueKind == JsonValueKind.False,
        "minProperties" => word.Value.ValueKind == JsonValueKind.Number && word.Value.TryGetInt32(out int least) && least == 0,
        _ => word.Name.StartsWith("x-", StringComparison.Ordinal),
    };
}
