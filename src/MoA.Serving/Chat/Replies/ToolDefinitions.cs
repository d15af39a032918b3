using System.Text.Json;
using MoA.Engine.Tokenization;

namespace MoA.Serving.Chat.Replies;

/// <summary>What tools ask for.</summary>
internal static class ToolDefinitions
{
    /// <summary>Whether a tool has no parameters at all, so that a call may leave the arguments out.</summary>
    public static bool TakesNothing(this ToolDefinition tool)
    {
        if (tool.Parameters is null)
            return true;
        try
        {
            using JsonDocument schema = JsonDocument.Parse(tool.Parameters);
            return schema.RootElement is { ValueKind: JsonValueKind.Object } root
                && !(root.TryGetProperty("properties", out JsonElement properties) && properties is { ValueKind: JsonValueKind.Object } && properties.EnumerateObject().Any());
        }
        catch (JsonException)
        {
            return false; // the template refuses it, and says why
        }
    }
}
