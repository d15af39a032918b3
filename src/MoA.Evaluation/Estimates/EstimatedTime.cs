namespace MoA.Evaluation.Estimates;

/// <summary>How long a step of a run takes.</summary>
/// <param name="Step">The step.</param>
/// <param name="Seconds">About so long; null where nothing tells beforehand.</param>
/// <param name="Note">What there is of it, or why there is no telling.</param>
internal sealed record EstimatedTime(string Step, double? Seconds, string Note);
