namespace MoA.Serving.Chat;

/// <summary>What an answer's text must be.</summary>
public sealed record AnswerFormat
{
    private AnswerFormat(bool isJson, string? schema) => (IsJson, Schema) = (isJson, schema);

    /// <summary>Any text.</summary>
    public static AnswerFormat Text { get; } = new(false, null);

    /// <summary>A JSON object.</summary>
    public static AnswerFormat JsonObject { get; } = new(true, null);

    /// <summary>Whether it must be JSON.</summary>
    public bool IsJson { get; }

    /// <summary>The JSON schema that it must satisfy; null: an object of any kind, or any text.</summary>
    public string? Schema { get; }

    /// <summary>JSON that satisfies a schema.</summary>
    public static AnswerFormat JsonSchema(string schema)
    {
        ArgumentNullException.ThrowIfNull(schema);
        return new(true, schema);
    }
}
