namespace MoA.Engine.Tokenization;

/// <summary>What a chat template is given beside the messages.</summary>
public sealed record ChatTemplateOptions
{
    /// <summary>Nothing.</summary>
    public static ChatTemplateOptions None { get; } = new();

    /// <summary>Tools that the model may ask for.</summary>
    public IReadOnlyList<ToolDefinition> Tools { get; init; } = [];

    /// <summary>Whether the model is to think before it answers: the variables <c>enable_thinking</c> and <c>thinking</c>; null leaves both undefined.</summary>
    public bool? Thinks { get; init; }

    /// <summary>How much it is to think: the variable <c>reasoning_effort</c>; null leaves it undefined.</summary>
    public string? ReasoningEffort { get; init; }

    /// <summary>A JSON object of further variables, such as <c>{"date_string": "26 Jul 2024"}</c>; they come before those that the other members set.</summary>
    public string? Variables { get; init; }
}
