namespace MoA.Evaluation.InfiniteBench;

/// <summary>One data set of InfiniteBench: how it is asked and scored. Texts have <c>{context}</c>, <c>{input}</c>, <c>{A}</c> to <c>{D}</c>, <c>{function}</c>, <c>{call}</c>, <c>{number}</c>.</summary>
/// <param name="Name">The published name, such as <c>passkey</c>.</param>
/// <param name="Metric">How answers are scored.</param>
/// <param name="MaxNewTokens">Most tokens of an answer.</param>
/// <param name="Context">Everything before the question.</param>
/// <param name="Question">The question.</param>
/// <param name="AnswerStart">What the answer is begun with.</param>
internal sealed record InfiniteBenchDataset(string Name, string Metric, int MaxNewTokens, string Context, string Question, string AnswerStart);
