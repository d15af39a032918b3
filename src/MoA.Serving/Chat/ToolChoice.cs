namespace MoA.Serving.Chat;

/// <summary>Whether a model must, may or may not ask for a tool.</summary>
/// <param name="Kind">Which of these.</param>
/// <param name="Name">The tool that it must ask for; null: any.</param>
public sealed record ToolChoice(ToolChoiceKind Kind, string? Name = null)
{
    /// <summary>It may.</summary>
    public static ToolChoice Auto { get; } = new(ToolChoiceKind.Auto);

    /// <summary>It may not.</summary>
    public static ToolChoice None { get; } = new(ToolChoiceKind.None);

    /// <summary>It must ask for some tool.</summary>
    public static ToolChoice Required { get; } = new(ToolChoiceKind.Required);
}
