using System.Text.Json;
using System.Text.Json.Serialization;
using MoA.Engine.Tokenization;

namespace MoA.Cluster.Conversations;

/// <summary>A role by its name.</summary>
internal sealed class ChatRoleConverter : JsonConverter<ChatRole>
{
    public override ChatRole Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => new(reader.GetString()!);

    public override void Write(Utf8JsonWriter writer, ChatRole value, JsonSerializerOptions options) => writer.WriteStringValue(value.Name);
}
