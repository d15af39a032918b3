namespace MoA.Search.Optimization;

/// <summary>Limits on the loss of an objective that is not the one being minimised.</summary>
/// <param name="Objective">Index of the objective.</param>
/// <param name="Low">Least loss allowed, or negative infinity.</param>
/// <param name="High">Greatest loss allowed, or positive infinity.</param>
internal readonly record struct ObjectiveBound(int Objective, double Low, double High);
