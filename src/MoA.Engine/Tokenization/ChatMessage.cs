namespace MoA.Engine.Tokenization;

/// <summary>One message of a conversation: who speaks (<c>system</c>, <c>user</c>, <c>assistant</c>) and what is said.</summary>
public sealed record ChatMessage(string Role, string Content);
