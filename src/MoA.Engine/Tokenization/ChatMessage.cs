namespace MoA.Engine.Tokenization;

/// <summary>One message of a conversation.</summary>
/// <param name="Role">Who speaks: <c>system</c>, <c>user</c>, <c>assistant</c>, <c>tool</c>, or another role that the chat template knows.</param>
/// <param name="Content">What is said, as plain text.</param>
public sealed record ChatMessage(string Role, string Content)
{
    /// <summary>Tools that the assistant asks for in this message.</summary>
    public IReadOnlyList<ToolCall> ToolCalls { get; init; } = [];

    /// <summary>Of a tool's answer, the call that it answers.</summary>
    public string? ToolCallId { get; init; }

    /// <summary>Of a tool's answer, the tool's name.</summary>
    public string? Name { get; init; }

    /// <summary>What the assistant thought before it answered; null if nothing is known of it.</summary>
    public string? Reasoning { get; init; }
}
