namespace MoA.Evaluation.Tasks;

/// <summary>One line of <c>timing.jsonl</c>: what one group of items took.</summary>
/// <param name="Tokens">Tokens that went through the model, of prompts and answers.</param>
/// <param name="Seconds">Wall clock.</param>
internal sealed record EvaluationTiming(long Tokens, double Seconds);
