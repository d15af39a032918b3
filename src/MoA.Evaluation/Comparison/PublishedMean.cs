namespace MoA.Evaluation.Comparison;

/// <summary>Means that were published of one model.</summary>
/// <param name="Models">Its names.</param>
/// <param name="Accuracies">By the most tokens of prompt and answer together, in %.</param>
internal sealed record PublishedMean(IReadOnlyList<string> Models, IReadOnlyDictionary<int, double> Accuracies);
