using System.Text.Json;
using MoA.Engine.Tokenization;
using MoA.Server.Http;

namespace MoA.Server.OpenAI;

/// <summary>Reads the messages of <c>/v1/chat/completions</c>.</summary>
internal static class ChatMessages
{
    /// <summary>Reads them all.</summary>
    public static IReadOnlyList<ChatMessage> Read(JsonInput field)
    {
        List<ChatMessage> messages = [];
        Dictionary<string, string> calls = [];
        foreach (JsonInput item in field.Required("a list of messages").Items("a list of messages"))
        {
            ChatMessage message = ReadOne(item.ExpectObject("a message, {\"role\":…,\"content\":…}"), calls);
            foreach (ToolCall call in message.ToolCalls)
                calls[call.Id] = call.Name;
            messages.Add(message);
        }

        return messages.Count > 0 ? messages : throw field.Fail("is empty; expected at least one message");
    }

    /// <summary>A content: a text, or a list of parts of which each is text.</summary>
    /// <param name="field">The content.</param>
    /// <param name="textTypes">How the parts that are text call themselves; their text stands under <c>text</c>, or under <c>refusal</c>.</param>
    public static string ReadContent(JsonInput field, params ReadOnlySpan<string> textTypes)
    {
        if (!field.HasValue)
            return "";
        if (field.IsText)
            return field.AsText();
        List<string> texts = [];
        foreach (JsonInput part in field.Items("a text or a list of parts"))
        {
            if (part.IsText)
            {
                texts.Add(part.AsText());
                continue;
            }

            string type = part.ExpectObject("a part, {\"type\":\"text\",\"text\":…}")["type"].AsText("a part's type");
            texts.Add(type switch
            {
                "refusal" => part["refusal"].AsText(),
                _ when textTypes.Contains(type) => part["text"].AsText(),
                _ => throw part["type"].Fail($"'{type}' is not supported; the model reads text only", "unsupported_content"),
            });
        }

        return string.Join('\n', texts);
    }

    /// <summary>The arguments of a call that the model made before, as it wrote them.</summary>
    public static string ReadArguments(JsonInput field)
    {
        string text = field.AsOptionalText("the arguments as a text that is a JSON object") ?? "";
        if (string.IsNullOrWhiteSpace(text))
            return "{}";
        try
        {
            using JsonDocument document = JsonDocument.Parse(text);
            return document.RootElement.ValueKind == JsonValueKind.Object ? text : throw field.Fail("expected a text that is a JSON object");
        }
        catch (JsonException)
        {
            throw field.Fail("expected a text that is a JSON object");
        }
    }

    private static ChatMessage ReadOne(JsonInput item, Dictionary<string, string> calls)
    {
        string role = item["role"].AsText("system, developer, user, assistant or tool");
        string content = ReadContent(item["content"], "text");
        switch (role)
        {
            case "system" or "developer":
                return new ChatMessage(ChatRole.System, content);
            case "user":
                return new ChatMessage(ChatRole.User, item["content"].HasValue ? content : throw item["content"].Fail("is missing; expected a text"));
            case "tool":
                string id = item["tool_call_id"].AsText("the id of the call that it answers");
                return new ChatMessage(ChatRole.Tool, content) { ToolCallId = id, Name = item["name"].AsOptionalText() ?? calls.GetValueOrDefault(id) };
            case "assistant":
                if (item["function_call"].HasValue)
                    throw item["function_call"].Fail("is not supported; use tool_calls", "unsupported_parameter");
                return new ChatMessage(ChatRole.Assistant, content)
                {
                    ToolCalls = [.. item["tool_calls"].Items("a list of calls").Select(ReadCall)],
                    Reasoning = (item["reasoning_content"] is { HasValue: true } thoughts ? thoughts : item["reasoning"]).AsOptionalText(),
                };
            default:
                throw item["role"].Fail($"'{role}' is no role; expected system, developer, user, assistant or tool");
        }
    }

    private static ToolCall ReadCall(JsonInput call)
    {
        if (call["type"].AsOptionalText() is string type and not "function")
            throw call["type"].Fail($"'{type}' is not supported; expected function", "unsupported_parameter");
        JsonInput function = call["function"];
        return new ToolCall(call["id"].AsText("the call's id"), function["name"].AsText("the tool's name"), ReadArguments(function["arguments"]));
    }
}
