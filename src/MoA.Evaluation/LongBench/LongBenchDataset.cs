namespace MoA.Evaluation.LongBench;

/// <summary>One data set of LongBench: how it is asked and scored.</summary>
/// <param name="Name">The published name, such as <c>qasper</c>.</param>
/// <param name="Metric">How answers are scored.</param>
/// <param name="MaxNewTokens">Most tokens of an answer.</param>
/// <param name="HasExtended">Whether it is part of LongBench-E.</param>
/// <param name="UsesChatTemplate">Whether the prompt becomes a user's message; few-shot and code prompts are continued as they are.</param>
/// <param name="ScoresFirstLine">Whether only the answer's first line counts.</param>
/// <param name="StopsAtLineFeed">Whether a line feed ends the answer, which then has at least one token before it.</param>
/// <param name="Prompt">The prompt with <c>{context}</c> and <c>{input}</c>.</param>
internal sealed record LongBenchDataset(
    string Name, string Metric, int MaxNewTokens, bool HasExtended, bool UsesChatTemplate, bool ScoresFirstLine, bool StopsAtLineFeed, string Prompt);
