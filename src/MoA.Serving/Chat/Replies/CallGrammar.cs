using System.Text.Encodings.Web;
using System.Text.Json;
using MoA.Engine;
using MoA.Engine.Tokenization;
using MoA.Serving.Structured;

namespace MoA.Serving.Chat.Replies;

/// <summary>The arguments of a tool in the way in which a model writes them, for constraints that make it call.</summary>
internal static class CallGrammar
{
    private const string NoParameters = """{"type": "object", "properties": {}, "additionalProperties": false}""";

    /// <summary>The arguments of a call.</summary>
    /// <exception cref="InvalidInputException">The tool's schema cannot be told apart into parameters where a model writes each by itself.</exception>
    public static OutputFormat Arguments(CallSyntax syntax, ToolDefinition tool)
    {
        if (syntax == CallSyntax.Json)
            return new OutputFormat.Json(tool.Parameters ?? NoParameters);
        using JsonDocument document = JsonDocument.Parse(tool.Parameters ?? NoParameters);
        (string Name, JsonElement Schema, bool IsRequired)[] parameters = [.. Parameters(tool, document.RootElement)];
        return syntax == CallSyntax.Xml
            ? new OutputFormat.Sequence([.. parameters.Select(one => Optional(Xml(one.Name, one.Schema, document.RootElement), one.IsRequired))])
            : Python([.. parameters.Where(one => one.IsRequired), .. parameters.Where(one => !one.IsRequired)], document.RootElement);
    }

    private static IEnumerable<(string Name, JsonElement Schema, bool IsRequired)> Parameters(ToolDefinition tool, JsonElement root)
    {
        foreach (string word in (ReadOnlySpan<string>)["$ref", "anyOf", "oneOf", "allOf", "enum", "const"])
        {
            if (root.TryGetProperty(word, out _))
                throw new InvalidInputException($"the parameters of the tool '{tool.Name}': the word '{word}' is not supported there where a call is required, since the model writes each parameter by itself; expected an object with properties");
        }

        HashSet<string> required = root.TryGetProperty("required", out JsonElement names) && names.ValueKind == JsonValueKind.Array
            ? [.. names.EnumerateArray().Select(name => name.ToString())] : [];
        if (!root.TryGetProperty("properties", out JsonElement properties) || properties.ValueKind != JsonValueKind.Object)
            return [];
        return properties.EnumerateObject().Select(property => (property.Name, property.Value, required.Contains(property.Name)));
    }

    private static OutputFormat Optional(OutputFormat format, bool isRequired) => isRequired ? format : new OutputFormat.Choice(new OutputFormat.Literal(""), format);

    private static OutputFormat.Sequence Xml(string name, JsonElement schema, JsonElement root)
    {
        const string End = "\n</parameter>\n";
        OutputFormat begin = new OutputFormat.Literal($"<parameter={name}>\n");
        IReadOnlySet<string> types = ParameterTypes.TypesOf(schema, root);
        if (!types.Contains("string") && types.Count > 0)
            return new OutputFormat.Sequence(begin, Value(schema, root), new OutputFormat.Literal(End));
        if (schema.ValueKind == JsonValueKind.Object && schema.TryGetProperty("enum", out JsonElement values) && values.ValueKind == JsonValueKind.Array)
            return new OutputFormat.Sequence(begin, new OutputFormat.Choice([.. values.EnumerateArray().Select(value => new OutputFormat.Literal(value.ToString()))]), new OutputFormat.Literal(End));
        return new OutputFormat.Sequence(begin, new OutputFormat.FreeText(End));
    }

    // Those that must be there come first; where there are none, any may be the first.
    private static OutputFormat Python((string Name, JsonElement Schema, bool IsRequired)[] parameters, JsonElement root)
    {
        OutputFormat[] written = [.. parameters.Select(one => new OutputFormat.Sequence(new OutputFormat.Literal($"{one.Name}="), Value(one.Schema, root)))];
        int required = parameters.Count(one => one.IsRequired);
        List<OutputFormat> beginnings = required == 0 ? [new OutputFormat.Literal("")] : [];
        for (int first = 0; first < (required == 0 ? written.Length : 1); first++)
        {
            IEnumerable<OutputFormat> rest = written.Skip(first + 1).Select((one, i) => Optional(new OutputFormat.Sequence(new OutputFormat.Literal(", "), one), first + 1 + i < required));
            beginnings.Add(new OutputFormat.Sequence([written[first], .. rest]));
        }

        return beginnings.Count == 1 ? beginnings[0] : new OutputFormat.Choice(beginnings);
    }

    // What a part of a schema refers to stands in the whole one.
    private static OutputFormat.Json Value(JsonElement schema, JsonElement root)
    {
        if (schema.ValueKind != JsonValueKind.Object)
            return new OutputFormat.Json(schema.GetRawText());
        using MemoryStream text = new();
        using (Utf8JsonWriter json = new(text, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            foreach (JsonProperty word in schema.EnumerateObject())
                word.WriteTo(json);
            foreach (string definitions in (ReadOnlySpan<string>)["$defs", "definitions"])
            {
                if (root.TryGetProperty(definitions, out JsonElement found) && !schema.TryGetProperty(definitions, out _))
                {
                    json.WritePropertyName(definitions);
                    found.WriteTo(json);
                }
            }

            json.WriteEndObject();
        }

        return new OutputFormat.Json(System.Text.Encoding.UTF8.GetString(text.ToArray()));
    }
}
