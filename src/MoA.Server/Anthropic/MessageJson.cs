using System.Text.Json;
using MoA.Engine.Tokenization;
using MoA.Server.Http;
using MoA.Server.OpenAI;
using MoA.Serving;
using MoA.Serving.Chat;

namespace MoA.Server.Anthropic;

/// <summary>Writes messages as Anthropic has them.</summary>
internal static class MessageJson
{
    /// <summary>Waits for the answer and writes it whole.</summary>
    public static async Task RespondAsync(Exchange exchange, ChatReply reply, int maxTokens)
    {
        ChatOutcome outcome = Replies.Ended(await reply.Outcome.WaitAsync(exchange.Cancellation));
        await exchange.RespondAsync((NewId(), exchange.Served.Name, outcome, maxTokens), static (json, it) =>
        {
            (string id, string model, ChatOutcome outcome, int maxTokens) = it;
            json.WriteStartObject();
            WriteHead(json, id, model);
            json.WriteStartArray("content");
            WriteContent(json, outcome.Message);
            json.WriteEndArray();
            WriteStop(json, outcome, maxTokens);
            WriteUsage(json, outcome.Usage.PromptTokens, outcome.Usage.CachedTokens, outcome.Usage.NewTokens, outcome.Usage.ReasoningTokens);
            UsageJson.WriteOwn(json, outcome.Usage);
            json.WriteEndObject();
        });
    }

    public static string NewId() => $"msg_{Guid.NewGuid():N}";

    public static void WriteHead(Utf8JsonWriter json, string id, string model)
    {
        json.WriteString("id", id);
        json.WriteString("type", "message");
        json.WriteString("role", "assistant");
        json.WriteString("model", model);
        json.WriteNull("diagnostics");
    }

    /// <summary>Why the answer ended.</summary>
    public static void WriteStop(Utf8JsonWriter json, ChatOutcome? outcome, int maxTokens)
    {
        json.WriteString("stop_reason", outcome switch
        {
            null => null,
            { Finish: ChatFinish.Length } => outcome.Usage.NewTokens < maxTokens ? "model_context_window_exceeded" : "max_tokens",
            { Finish: ChatFinish.ToolCalls } => "tool_use",
            { StopText: not null } => "stop_sequence",
            _ => "end_turn",
        });
        json.WriteString("stop_sequence", outcome?.StopText);
        json.WriteNull("stop_details");
        json.WriteNull("container");
    }

    /// <summary>Tokens of the prompt, those that were read and those that were in kept caches, and of the answer. Clients with types expect every field.</summary>
    public static void WriteUsage(Utf8JsonWriter json, int promptTokens, int cachedTokens, int newTokens, int reasoningTokens)
    {
        json.WriteStartObject("usage");
        json.WriteNumber("input_tokens", promptTokens - cachedTokens);
        json.WriteNumber("cache_creation_input_tokens", 0);
        json.WriteNumber("cache_read_input_tokens", cachedTokens);
        json.WriteNull("cache_creation");
        json.WriteNumber("output_tokens", newTokens);
        json.WriteStartObject("output_tokens_details");
        json.WriteNumber("thinking_tokens", reasoningTokens);
        json.WriteEndObject();
        foreach (string field in (ReadOnlySpan<string>)["server_tool_use", "service_tier", "inference_geo", "speed"])
            json.WriteNull(field);
        json.WriteEndObject();
    }

    /// <summary>A block of text, or its beginning.</summary>
    public static void WriteText(Utf8JsonWriter json, string text)
    {
        json.WriteString("type", "text");
        json.WriteString("text", text);
        json.WriteNull("citations");
    }

    /// <summary>A block of thoughts, or its beginning.</summary>
    public static void WriteThinking(Utf8JsonWriter json, string thoughts)
    {
        json.WriteString("type", "thinking");
        json.WriteString("thinking", thoughts);
        json.WriteString("signature", "");
    }

    /// <summary>The members of a call before its arguments.</summary>
    public static void WriteCall(Utf8JsonWriter json, string? id, string? name)
    {
        json.WriteString("type", "tool_use");
        json.WriteString("id", id);
        json.WriteString("name", name);
        json.WriteStartObject("caller");
        json.WriteString("type", "direct");
        json.WriteEndObject();
    }

    private static void WriteContent(Utf8JsonWriter json, ChatMessage message)
    {
        if (!string.IsNullOrEmpty(message.Reasoning))
        {
            json.WriteStartObject();
            WriteThinking(json, message.Reasoning);
            json.WriteEndObject();
        }

        if (message.Content.Length > 0)
        {
            json.WriteStartObject();
            WriteText(json, message.Content);
            json.WriteEndObject();
        }

        foreach (ToolCall call in message.ToolCalls)
        {
            json.WriteStartObject();
            WriteCall(json, call.Id, call.Name);
            json.WritePropertyName("input");
            WriteArguments(json, call.Arguments);
            json.WriteEndObject();
        }
    }

    // An answer that was cut off may end within its arguments.
    private static void WriteArguments(Utf8JsonWriter json, string arguments)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(arguments);
            document.RootElement.WriteTo(json);
        }
        catch (JsonException)
        {
            json.WriteStartObject();
            json.WriteEndObject();
        }
    }
}
