namespace MoA.Engine.Attention;

/// <summary>What a plan search says about one sequence length.</summary>
/// <param name="Length">Sequence length in tokens.</param>
/// <param name="DensityBound">Greatest mean density that was asked for, or null where there was no bound.</param>
/// <param name="Density">Mean density of the plan's heads, in (0, 1].</param>
/// <param name="PredictedLoss">Influence that the plan hides, summed over heads, in nats; null where none was measured.</param>
internal sealed record PlanSearchLength(int Length, double? DensityBound, double Density, double? PredictedLoss);
