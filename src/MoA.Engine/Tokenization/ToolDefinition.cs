namespace MoA.Engine.Tokenization;

/// <summary>A function that the model may ask its caller to call, as the chat template shows it to the model.</summary>
/// <param name="Name">The function's name.</param>
/// <param name="Description">What it does; null if it is not said.</param>
/// <param name="Parameters">A JSON schema of the arguments, an object's; null where there are none.</param>
public sealed record ToolDefinition(string Name, string? Description, string? Parameters);
