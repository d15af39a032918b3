using MoA.Engine.Tokenization;
using MoA.Server.Http;

namespace MoA.Server.Anthropic;

/// <summary>Reads the conversation of <c>/v1/messages</c>: texts or blocks, of which one message of Anthropic's may hold several of the template's.</summary>
internal sealed class MessageInput
{
    // What Claude Code begins its system prompt with: it changes with every request, so that no two would begin alike.
    private const string BillingHeader = "x-anthropic-billing-header";

    private readonly List<ChatMessage> _messages = [];
    private readonly Dictionary<string, string> _calls = [];

    private MessageInput()
    {
    }

    /// <summary>Reads the system prompt and the messages.</summary>
    public static IReadOnlyList<ChatMessage> Read(JsonInput body)
    {
        MessageInput input = new();
        string system = ReadSystem(body["system"]);
        if (system.Length > 0)
            input._messages.Add(new ChatMessage(ChatRole.System, system));
        JsonInput field = body["messages"].Required("a list of messages");
        foreach (JsonInput item in field.Items("a list of messages"))
            input.Add(item.ExpectObject("a message, {\"role\":…,\"content\":…}"));
        if (field.Count == 0)
            throw field.Fail("is empty; expected at least one message");
        return input._messages;
    }

    private static string ReadSystem(JsonInput field)
    {
        if (field.IsText)
            return WithoutBilling(field.AsText());
        return string.Join('\n', field.Items("a text or a list of text blocks").Select(ReadText).Where(text => !text.StartsWith(BillingHeader, StringComparison.Ordinal)));
    }

    private static string WithoutBilling(string system)
    {
        if (!system.StartsWith(BillingHeader, StringComparison.Ordinal))
            return system;
        int end = system.IndexOf('\n', StringComparison.Ordinal);
        return end < 0 ? "" : system[(end + 1)..];
    }

    private static string ReadText(JsonInput block)
    {
        if (block.IsText)
            return block.AsText();
        string type = block.ExpectObject("a block, {\"type\":\"text\",\"text\":…}")["type"].AsText("a block's type");
        return type == "text"
            ? block["text"].AsText()
            : throw block["type"].Fail($"'{type}' is not supported here; the model reads text only", "unsupported_content");
    }

    private void Add(JsonInput item)
    {
        string role = item["role"].AsText("user or assistant");
        JsonInput content = item["content"].Required("a text or a list of blocks");
        switch (role)
        {
            case "user":
                AddUser(content);
                break;
            case "assistant":
                _messages.Add(ReadAssistant(content));
                break;
            case "system":
                _messages.Add(new ChatMessage(ChatRole.System, ReadSystem(content)));
                break;
            default:
                throw item["role"].Fail($"'{role}' is no role; expected user or assistant");
        }
    }

    // Answers of tools stand in the user's message, and are messages of their own for templates.
    private void AddUser(JsonInput content)
    {
        if (content.IsText)
        {
            _messages.Add(new ChatMessage(ChatRole.User, content.AsText()));
            return;
        }

        List<string> texts = [];
        foreach (JsonInput block in content.Items("a text or a list of blocks"))
        {
            if (block["type"].AsOptionalText() is not "tool_result")
            {
                texts.Add(ReadText(block));
                continue;
            }

            AddTexts();
            string id = block["tool_use_id"].AsText("the id of the call that it answers");
            _messages.Add(new ChatMessage(ChatRole.Tool, ReadResult(block["content"])) { ToolCallId = id, Name = _calls.GetValueOrDefault(id) });
        }

        AddTexts();
        if (content.Count == 0)
            _messages.Add(new ChatMessage(ChatRole.User, ""));

        void AddTexts()
        {
            if (texts.Count > 0)
                _messages.Add(new ChatMessage(ChatRole.User, string.Join('\n', texts)));
            texts.Clear();
        }
    }

    private static string ReadResult(JsonInput content) => content.IsText
        ? content.AsText()
        : string.Join('\n', content.Items("a text or a list of blocks").Select(ReadText));

    private ChatMessage ReadAssistant(JsonInput content)
    {
        if (content.IsText)
            return new ChatMessage(ChatRole.Assistant, content.AsText());
        List<string> texts = [];
        List<ToolCall> calls = [];
        string? reasoning = null;
        foreach (JsonInput block in content.Items("a text or a list of blocks"))
        {
            switch (block.ExpectObject("a block")["type"].AsText("a block's type"))
            {
                case "thinking":
                    reasoning += block["thinking"].AsText();
                    break;
                case "redacted_thinking":
                    break;
                case "tool_use":
                    ToolCall call = new(
                        block["id"].AsText("the call's id"), block["name"].AsText("the tool's name"),
                        block["input"] is { HasValue: true } input ? input.ExpectObject("the arguments, an object").Raw : "{}");
                    _calls[call.Id] = call.Name;
                    calls.Add(call);
                    break;
                default:
                    texts.Add(ReadText(block));
                    break;
            }
        }

        return new ChatMessage(ChatRole.Assistant, string.Concat(texts)) { ToolCalls = calls, Reasoning = reasoning };
    }
}
