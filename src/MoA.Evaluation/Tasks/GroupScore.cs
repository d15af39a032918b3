namespace MoA.Evaluation.Tasks;

/// <summary>The score of a part of a set.</summary>
/// <param name="Items">Items of the part.</param>
/// <param name="Accuracy">Their mean score in [0, 1].</param>
internal sealed record GroupScore(int Items, double Accuracy);
