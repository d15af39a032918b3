using MoA.Serving.Chat;

namespace MoA.Server.Http;

/// <summary>Reads what an answer's text must be, and how much is to be thought before it.</summary>
internal static class FormatFields
{
    /// <summary><c>{"type":"text"|"json_object"|"json_schema",…}</c>.</summary>
    /// <param name="field">The format.</param>
    /// <param name="schemaOf">Finds the schema in it.</param>
    public static AnswerFormat ReadFormat(JsonInput field, Func<JsonInput, JsonInput> schemaOf)
    {
        if (!field.HasValue)
            return AnswerFormat.Text;
        string type = field.ExpectObject("{\"type\":\"json_schema\",…}")["type"].AsText("text, json_object or json_schema");
        return type switch
        {
            "text" => AnswerFormat.Text,
            "json_object" => AnswerFormat.JsonObject,
            "json_schema" => AnswerFormat.JsonSchema(ReadSchema(schemaOf(field))),
            _ => throw field["type"].Fail($"'{type}' is not supported; expected text, json_object or json_schema", "unsupported_parameter"),
        };
    }

    /// <summary>How much the model is to think: whether at all, and the word for how much, as templates know it.</summary>
    public static (bool? Thinks, string? Effort) ReadEffort(JsonInput field) => field.AsOptionalText() switch
    {
        null => (null, null),
        "none" => (false, null),
        "minimal" or "low" => (null, "low"),
        "medium" => (null, "medium"),
        "high" or "xhigh" or "max" => (null, "high"),
        string other => throw field.Fail($"'{other}' is no effort; expected none, minimal, low, medium, high or xhigh"),
    };

    private static string ReadSchema(JsonInput schema) => schema.IsTrue || schema.IsFalse
        ? schema.Raw
        : schema.ExpectObject("a JSON schema").Raw;
}
