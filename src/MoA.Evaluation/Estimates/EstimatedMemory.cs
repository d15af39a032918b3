namespace MoA.Evaluation.Estimates;

/// <summary>Memory that a run holds at its peak.</summary>
/// <param name="Part">What it is for.</param>
/// <param name="Bytes">How much.</param>
internal sealed record EstimatedMemory(string Part, long Bytes);
