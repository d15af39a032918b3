namespace MoA.Engine.Tokenization;

/// <summary>One message of a conversation.</summary>
/// <param name="Role">Who speaks: <c>system</c>, <c>user</c>, <c>assistant</c>, or another role that the chat template knows.</param>
/// <param name="Content">What is said, as plain text.</param>
public sealed record ChatMessage(string Role, string Content);
