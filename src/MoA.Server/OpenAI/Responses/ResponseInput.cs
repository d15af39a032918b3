using MoA.Engine.Tokenization;
using MoA.Server.Http;

namespace MoA.Server.OpenAI.Responses;

/// <summary>Reads the input of <c>/v1/responses</c>: a text, or items, which follow each other as the parts of turns.</summary>
internal sealed class ResponseInput
{
    private readonly List<ChatMessage> _messages = [];
    private readonly Dictionary<string, string> _calls = [];
    private string? _reasoning;

    private ResponseInput()
    {
    }

    /// <summary>Reads instructions and input.</summary>
    public static IReadOnlyList<ChatMessage> Read(JsonInput body)
    {
        ResponseInput input = new();
        if (body["instructions"].AsOptionalText() is { Length: > 0 } instructions)
            input._messages.Add(new ChatMessage(ChatRole.System, instructions));
        JsonInput field = body["input"];
        if (field.IsText)
            input._messages.Add(new ChatMessage(ChatRole.User, field.AsText()));
        foreach (JsonInput item in field.IsText ? [] : field.Items("a text or a list of items"))
            input.Add(item.ExpectObject("an item"));
        // Clients ask with nothing to see whether anybody answers.
        if (input._messages.All(message => message.Role == ChatRole.System))
            input._messages.Add(new ChatMessage(ChatRole.User, ""));
        return input._messages;
    }

    private void Add(JsonInput item)
    {
        string type = item["type"].AsOptionalText() ?? "message";
        switch (type)
        {
            case "message":
                AddMessage(item);
                break;
            case "reasoning":
                AddReasoning(item);
                break;
            case "function_call":
                string id = item["call_id"].AsText("the call's id"), name = item["name"].AsText("the tool's name");
                _calls[id] = name;
                AddToAssistant(new ChatMessage(ChatRole.Assistant, "") { ToolCalls = [new ToolCall(id, name, ChatMessages.ReadArguments(item["arguments"]))] });
                break;
            case "function_call_output":
                string answered = item["call_id"].AsText("the id of the call that it answers");
                _messages.Add(new ChatMessage(ChatRole.Tool, ChatMessages.ReadContent(item["output"], "input_text", "output_text", "text"))
                {
                    ToolCallId = answered,
                    Name = _calls.GetValueOrDefault(answered),
                });
                break;
            case "item_reference":
                throw item["type"].Fail("item_reference is not supported: nothing is kept between requests; send the item itself", "unsupported_parameter");
            default:
                throw item["type"].Fail($"'{type}' is not supported; expected message, reasoning, function_call or function_call_output", "unsupported_content");
        }
    }

    private void AddMessage(JsonInput item)
    {
        string role = item["role"].AsText("system, developer, user or assistant");
        string content = ChatMessages.ReadContent(item["content"].Required("a text or a list of parts"), "input_text", "output_text", "text");
        switch (role)
        {
            case "system" or "developer":
                _messages.Add(new ChatMessage(ChatRole.System, content));
                break;
            case "user":
                _messages.Add(new ChatMessage(ChatRole.User, content));
                break;
            case "assistant":
                AddToAssistant(new ChatMessage(ChatRole.Assistant, content));
                break;
            default:
                throw item["role"].Fail($"'{role}' is no role; expected system, developer, user or assistant");
        }
    }

    private void AddReasoning(JsonInput item)
    {
        string thoughts = ChatMessages.ReadContent(item["content"], "reasoning_text", "text");
        if (thoughts.Length == 0)
            thoughts = ChatMessages.ReadContent(item["summary"], "summary_text", "text");
        if (thoughts.Length > 0)
            _reasoning = _reasoning is null ? thoughts : $"{_reasoning}\n{thoughts}";
    }

    // Thoughts, a text and calls that follow each other are one message of the assistant.
    private void AddToAssistant(ChatMessage more)
    {
        if (_reasoning is null && _messages is [.., { Role.Name: "assistant" } last] && (more.ToolCalls.Count > 0 || last.ToolCalls.Count == 0))
        {
            _messages[^1] = last with
            {
                Content = last.Content.Length == 0 ? more.Content : more.Content.Length == 0 ? last.Content : $"{last.Content}\n{more.Content}",
                ToolCalls = [.. last.ToolCalls, .. more.ToolCalls],
            };
            return;
        }

        _messages.Add(more with { Reasoning = _reasoning });
        _reasoning = null;
    }
}
