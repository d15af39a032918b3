namespace MoA.Cli.Chat;

/// <summary>What a person typed for one turn: a message, or a command to the program.</summary>
/// <param name="Command">The command's name without its slash; null for a message.</param>
/// <param name="Text">The message, or what follows the command's name.</param>
/// <param name="IsBlock">Whether the text stood between triple quotes.</param>
internal sealed record ChatTurn(string? Command, string Text, bool IsBlock);
