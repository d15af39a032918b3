namespace MoA.Evaluation.Tasks;

/// <summary>One line of <c>timing.jsonl</c>: what one group of items took.</summary>
/// <param name="Tokens">Tokens that went through the model, of prompts and answers.</param>
/// <param name="Seconds">Wall clock.</param>
internal sealed record EvaluationTiming(long Tokens, double Seconds)
{
    /// <summary>Those of the tokens in steps that read prompts and chose which rows stay; 0 where that was not told apart.</summary>
    public long PromptTokens { get; init; }

    /// <summary>Wall clock of these steps.</summary>
    public double PromptSeconds { get; init; }

    /// <summary>Wall clock of the steps that wrote the rest.</summary>
    public double AnswerSeconds { get; init; }
}
