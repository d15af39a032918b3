namespace MoA.Serving.Chat.Replies;

/// <summary>
/// How a model writes calls, for constraints that make it write one: <see cref="Opening"/>, then calls of <see cref="BeforeName"/>, the
/// tool's name, <see cref="BeforeArguments"/>, JSON of the tool's parameters and <see cref="AfterArguments"/>, several with
/// <see cref="Between"/> between them, then <see cref="Closing"/> and the end of the turn. Special tokens stand in the texts as they are written.
/// </summary>
internal sealed record CallShape
{
    /// <summary>Before the first call.</summary>
    public string Opening { get; init; } = "";

    /// <summary>Before a call's name.</summary>
    public required string BeforeName { get; init; }

    /// <summary>Between a name and its arguments.</summary>
    public required string BeforeArguments { get; init; }

    /// <summary>After a call's arguments.</summary>
    public required string AfterArguments { get; init; }

    /// <summary>Between two calls; null where an answer has one only.</summary>
    public string? Between { get; init; }

    /// <summary>After the last call.</summary>
    public string Closing { get; init; } = "";

    /// <summary>A call as it is written.</summary>
    public string Write(string name, string arguments) => BeforeName + name + BeforeArguments + arguments + AfterArguments;
}
