namespace MoA.Evaluation.Ruler;

/// <summary>A published question.</summary>
/// <param name="Text">The question.</param>
/// <param name="Answers">Right answers, any of which counts.</param>
/// <param name="Documents">Numbers of the documents that it is about.</param>
/// <param name="Related">Numbers of documents that are taken before others to stand beside these.</param>
internal sealed record DocumentQuestion(string Text, IReadOnlyList<string> Answers, IReadOnlyList<int> Documents, IReadOnlyList<int> Related);
