namespace MoA.Serving.Chat;

/// <summary>The beginning of a call, or more of its arguments.</summary>
/// <param name="Index">Which call of the answer, from 0.</param>
/// <param name="Id">The call's name among all; set where it begins, else null.</param>
/// <param name="Name">The tool's name; set where it begins, else null.</param>
/// <param name="Arguments">More of the arguments' JSON.</param>
public sealed record ToolCallPiece(int Index, string? Id, string? Name, string Arguments);
