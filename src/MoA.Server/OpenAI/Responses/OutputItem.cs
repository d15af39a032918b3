using System.Text;
using System.Text.Json;
using MoA.Engine.Generation;
using MoA.Engine.Tokenization;
using MoA.Serving.Chat;

namespace MoA.Server.OpenAI.Responses;

/// <summary>The kinds of <see cref="OutputItem"/>.</summary>
internal enum OutputKind
{
    /// <summary>Thoughts.</summary>
    Reasoning,

    /// <summary>Text.</summary>
    Message,

    /// <summary>A call of a tool.</summary>
    Call,
}

/// <summary>An item of what an answer holds, as it is being written.</summary>
internal sealed class OutputItem(OutputKind kind, string? callId = null, string? toolName = null)
{
    public OutputKind Kind { get; } = kind;

    public string Id { get; } = kind switch
    {
        OutputKind.Reasoning => $"rs_{Guid.NewGuid():N}",
        OutputKind.Message => $"msg_{Guid.NewGuid():N}",
        _ => $"fc_{Guid.NewGuid():N}",
    };

    /// <summary>Its text, or the arguments of the call.</summary>
    public StringBuilder Text { get; } = new();

    /// <summary>How likely its tokens were, if that was asked for.</summary>
    public List<TokenLogProbability> Tokens { get; } = [];

    /// <summary>Whether the answer ended within it because no more tokens were asked for.</summary>
    public bool IsCut { get; set; }

    /// <summary>The items of an answer that has ended.</summary>
    public static IReadOnlyList<OutputItem> Of(ChatOutcome outcome, IReadOnlyList<TokenLogProbability> tokens)
    {
        ChatMessage message = outcome.Message;
        List<OutputItem> items = [];
        if (!string.IsNullOrEmpty(message.Reasoning))
            items.Add(WithText(new OutputItem(OutputKind.Reasoning), message.Reasoning));
        if (message.Content.Length > 0 || message.ToolCalls.Count == 0)
        {
            OutputItem text = WithText(new OutputItem(OutputKind.Message), message.Content);
            text.Tokens.AddRange(tokens);
            items.Add(text);
        }

        items.AddRange(message.ToolCalls.Select(call => WithText(new OutputItem(OutputKind.Call, call.Id, call.Name), call.Arguments)));
        items[^1].IsCut = outcome.Finish == ChatFinish.Length;
        return items;
    }

    /// <summary>Writes the item: empty when it begins, whole when it is done.</summary>
    public void Write(Utf8JsonWriter json, Tokenizer? tokenizer, bool isDone)
    {
        json.WriteStartObject();
        json.WriteString("id", Id);
        switch (Kind)
        {
            case OutputKind.Reasoning:
                json.WriteString("type", "reasoning");
                json.WriteStartArray("summary");
                json.WriteEndArray();
                break;
            case OutputKind.Message:
                json.WriteString("type", "message");
                json.WriteString("role", "assistant");
                break;
            case OutputKind.Call:
                json.WriteString("type", "function_call");
                json.WriteString("call_id", callId);
                json.WriteString("name", toolName);
                json.WriteString("arguments", isDone ? Text.ToString() : "");
                break;
        }

        json.WriteString("status", !isDone ? "in_progress" : IsCut ? "incomplete" : "completed");
        if (Kind != OutputKind.Call)
        {
            json.WriteStartArray("content");
            if (isDone)
                WritePart(json, tokenizer, isDone);
            json.WriteEndArray();
        }

        json.WriteEndObject();
    }

    /// <summary>Writes the one part of a content: empty when it begins, whole when it is done.</summary>
    public void WritePart(Utf8JsonWriter json, Tokenizer? tokenizer, bool isDone)
    {
        json.WriteStartObject();
        json.WriteString("type", Kind == OutputKind.Reasoning ? "reasoning_text" : "output_text");
        json.WriteString("text", isDone ? Text.ToString() : "");
        if (Kind == OutputKind.Message)
        {
            json.WriteStartArray("annotations");
            json.WriteEndArray();
            json.WritePropertyName("logprobs");
            TokenTexts.WriteList(json, tokenizer!, isDone ? Tokens : []);
        }

        json.WriteEndObject();
    }

    private static OutputItem WithText(OutputItem item, string text)
    {
        item.Text.Append(text);
        return item;
    }
}
