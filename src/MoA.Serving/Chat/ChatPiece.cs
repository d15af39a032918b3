using MoA.Engine.Generation;

namespace MoA.Serving.Chat;

/// <summary>What a step has added to an answer; any part may be empty.</summary>
public readonly record struct ChatPiece
{
    /// <summary>Creates a piece.</summary>
    public ChatPiece()
    {
    }

    /// <summary>More of the answer's text.</summary>
    public string Text { get; init; } = "";

    /// <summary>More of what the model thinks before it answers.</summary>
    public string Reasoning { get; init; } = "";

    /// <summary>Calls of tools that begin or go on.</summary>
    public IReadOnlyList<ToolCallPiece> ToolCalls { get; init; } = [];

    /// <summary>How likely the step's tokens were, if that was asked for.</summary>
    public IReadOnlyList<TokenLogProbability> LogProbabilities { get; init; } = [];

    /// <summary>The tokens that say so, and those before them of which nothing could be shown; none behind the last, where only what was held back is shown.</summary>
    public IReadOnlyList<int> Tokens { get; init; } = [];

    /// <summary>Whether there is nothing in it to show.</summary>
    public bool IsEmpty => Text.Length == 0 && Reasoning.Length == 0 && ToolCalls.Count == 0 && LogProbabilities.Count == 0;
}
