namespace MoA.Engine.Tokenization;

/// <summary>A call of a tool that the model has asked for.</summary>
/// <param name="Id">Tells it apart within a conversation; the tool's answer names it.</param>
/// <param name="Name">The tool's name.</param>
/// <param name="Arguments">The arguments, a JSON object.</param>
public sealed record ToolCall(string Id, string Name, string Arguments);
