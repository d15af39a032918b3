using System.Text.Json;
using Microsoft.Extensions.AI;
using MoA.Engine;
using MoA.Engine.Tokenization;
using ChatMessage = Microsoft.Extensions.AI.ChatMessage;
using ChatRole = Microsoft.Extensions.AI.ChatRole;
using EngineMessage = MoA.Engine.Tokenization.ChatMessage;
using EngineRole = MoA.Engine.Tokenization.ChatRole;

namespace MoA.Extensions.AI.Mapping;

/// <summary>Turns messages into those that chat templates take.</summary>
internal sealed class MessageReader
{
    private static readonly JsonSerializerOptions AsModelsWrite = new(AIJsonUtilities.DefaultOptions) { WriteIndented = false };

    private readonly Dictionary<string, string> _toolOfCall = [];
    private readonly List<EngineMessage> _read = [];

    /// <summary>The messages of a conversation.</summary>
    /// <param name="messages">What was said.</param>
    /// <param name="instructions">What stands before all of it; joined with a system message that is first already, of which templates know one.</param>
    public static List<EngineMessage> Read(IEnumerable<ChatMessage> messages, string? instructions)
    {
        MessageReader reader = new();
        foreach (ChatMessage message in messages)
            reader.Add(message ?? throw new ArgumentException("a message is null", nameof(messages)));
        List<EngineMessage> read = reader._read;
        if (string.IsNullOrWhiteSpace(instructions))
            return read;
        if (read is [{ Role.Name: "system" } first, ..])
            read[0] = first with { Content = $"{instructions}\n\n{first.Content}" };
        else
            read.Insert(0, new EngineMessage(EngineRole.System, instructions));
        return read;
    }

    private void Add(ChatMessage message)
    {
        string text = "";
        string? reasoning = null;
        List<ToolCall> calls = [];
        List<EngineMessage> results = [];
        foreach (AIContent content in message.Contents)
        {
            switch (content)
            {
                case TextContent part:
                    text += part.Text;
                    break;
                case TextReasoningContent part:
                    RequireAssistant(message, part);
                    reasoning += part.Text;
                    break;
                case FunctionCallContent call:
                    RequireAssistant(message, call);
                    calls.Add(new ToolCall(call.CallId, call.Name, call.Arguments is null ? "{}" : Write(call.Arguments, typeof(IDictionary<string, object?>), AsModelsWrite)));
                    _toolOfCall[call.CallId] = call.Name;
                    break;
                case FunctionResultContent result:
                    results.Add(new EngineMessage(EngineRole.Tool, Text(result)) { ToolCallId = result.CallId, Name = _toolOfCall.GetValueOrDefault(result.CallId) });
                    break;
                case UsageContent:
                    break;
                default:
                    throw Unknown(content);
            }
        }

        if (results.Count == 0 || text.Length > 0 || calls.Count > 0 || reasoning is not null)
            _read.Add(new EngineMessage(new EngineRole(message.Role.Value), text) { ToolCalls = calls, Reasoning = reasoning });
        _read.AddRange(results);
    }

    // As the client of OpenAI in Microsoft.Extensions.AI writes them: text as it is, all else as JSON.
    private static string Text(FunctionResultContent result) => result.Result switch
    {
        null => "",
        string text => text,
        JsonElement { ValueKind: JsonValueKind.String } json => json.GetString()!,
        TextContent text => text.Text,
        AIContent content => throw Unknown(content),
        IEnumerable<AIContent> parts => string.Concat(parts.Select(part => part is TextContent text ? text.Text : throw Unknown(part))),
        object other => Write(other, typeof(object), AIJsonUtilities.DefaultOptions),
    };

    private static string Write(object value, Type type, JsonSerializerOptions options)
    {
        try
        {
            return JsonSerializer.Serialize(value, options.GetTypeInfo(type));
        }
        catch (Exception failure) when (failure is NotSupportedException or JsonException)
        {
            throw new NotSupportedException($"a value of type {value.GetType()} in a message cannot be written as JSON; give it as text", failure);
        }
    }

    private static void RequireAssistant(ChatMessage message, AIContent content)
    {
        if (message.Role != ChatRole.Assistant)
            throw new InvalidInputException($"a {content.GetType().Name} stands in a message of the role '{message.Role.Value}'; expected the role 'assistant'");
    }

    private static NotSupportedException Unknown(AIContent content) => new(
        $"{content.GetType().Name} is not supported; expected TextContent, TextReasoningContent, FunctionCallContent or FunctionResultContent");
}
