namespace MoA.Engine.Tokenization;

/// <summary>One message of a conversation.</summary>
/// <param name="Role">Who speaks.</param>
/// <param name="Content">What is said, as plain text.</param>
public sealed record ChatMessage(ChatRole Role, string Content)
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
