namespace MoA.Evaluation.Ruler;

/// <summary>How one kind of task is asked and scored.</summary>
/// <param name="Metric">How answers are scored.</param>
/// <param name="MaxNewTokens">Most tokens of an answer; they count in a prompt's length.</param>
/// <param name="Context">What the question is about, with <c>{context}</c> and <c>{type}</c>.</param>
/// <param name="Question">The question, with <c>{query}</c> and <c>{type}</c>.</param>
/// <param name="AnswerStart">What the model's answer is begun with, with <c>{query}</c>, <c>{type}</c> and <c>{count}</c>.</param>
internal sealed record RulerPrompt(string Metric, int MaxNewTokens, string Context, string Question, string AnswerStart);
