namespace MoA.Search.Units;

/// <summary>What a model answered to a group of questions.</summary>
/// <param name="Processed">Tokens that went through the model.</param>
/// <param name="Answers">The answers in the order of the questions.</param>
internal sealed record GroupAnswers(long Processed, IReadOnlyList<GroupAnswer> Answers);
