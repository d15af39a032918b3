using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using MoA.Engine.Generation;
using MoA.Serving;
using MoA.Serving.Chat;

namespace MoA.Cluster.Conversations;

/// <summary>Requests, pieces and outcomes as they travel between members: as JSON, of which newer members may say more than older ones know.</summary>
[JsonSourceGenerationOptions(
    IncludeFields = true,
    IgnoreReadOnlyProperties = true,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
    Converters = [typeof(ChatRoleConverter), typeof(AnswerFormatConverter)])]
[JsonSerializable(typeof(ChatRequest))]
[JsonSerializable(typeof(ChatPiece))]
[JsonSerializable(typeof(ChatOutcome))]
[JsonSerializable(typeof(GenerationRequest))]
[JsonSerializable(typeof(GenerationPiece))]
[JsonSerializable(typeof(GenerationOutcome))]
[JsonSerializable(typeof(IReadOnlyList<TokenLogProbability>))]
internal sealed partial class ConversationJson : JsonSerializerContext
{
    private static ConversationJson Plain => field ??= new(new JsonSerializerOptions(Default.Options!) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });

    /// <summary>Writes a value.</summary>
    public static byte[] Write<T>(T value) => JsonSerializer.SerializeToUtf8Bytes(value, (JsonTypeInfo<T>)Plain.GetTypeInfo(typeof(T))!);

    /// <summary>Reads a value.</summary>
    public static T Read<T>(byte[] json) => JsonSerializer.Deserialize(json, (JsonTypeInfo<T>)Plain.GetTypeInfo(typeof(T))!)!;
}
