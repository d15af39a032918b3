using System.Text.Json;
using System.Text.Json.Serialization;
using MoA.Serving.Chat;

namespace MoA.Cluster.Conversations;

/// <summary>False: any text; true: any object; a text: JSON of that schema.</summary>
internal sealed class AnswerFormatConverter : JsonConverter<AnswerFormat>
{
    public override AnswerFormat Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => reader.TokenType switch
    {
        JsonTokenType.String => AnswerFormat.JsonSchema(reader.GetString()!),
        JsonTokenType.True => AnswerFormat.JsonObject,
        _ => AnswerFormat.Text,
    };

    public override void Write(Utf8JsonWriter writer, AnswerFormat value, JsonSerializerOptions options)
    {
        if (value.Schema is string schema)
            writer.WriteStringValue(schema);
        else
            writer.WriteBooleanValue(value.IsJson);
    }
}
