namespace MoA.Evaluation.LvEval;

/// <summary>One data set of LV-Eval: how it is asked and scored.</summary>
/// <param name="Name">The published name, such as <c>factrecall_en</c>.</param>
/// <param name="Metric">How answers are scored.</param>
/// <param name="MaxNewTokens">Most tokens of an answer.</param>
/// <param name="Prompt">The prompt with <c>{context}</c> and <c>{input}</c>.</param>
internal sealed record LvEvalDataset(string Name, string Metric, int MaxNewTokens, string Prompt);
