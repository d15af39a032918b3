namespace MoA.Search.Units;

/// <summary>What a model answered to a group of questions.</summary>
/// <param name="Processed">Tokens that went through the model.</param>
/// <param name="Answers">The answers in the order of the questions.</param>
internal sealed record GroupAnswers(long Processed, IReadOnlyList<GroupAnswer> Answers)
{
    /// <summary>Those of <see cref="Processed"/> in steps that read prompts and chose which rows stay; 0 where this was elsewhere.</summary>
    public long PromptTokens { get; init; }

    /// <summary>Wall clock of these steps.</summary>
    public double PromptSeconds { get; init; }

    /// <summary>Wall clock of all steps.</summary>
    public double Seconds { get; init; }
}
