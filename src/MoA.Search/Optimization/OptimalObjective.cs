namespace MoA.Search.Optimization;

/// <summary>The least loss at one profile length under the density bounds, other lengths aside.</summary>
/// <param name="Length">Profile length in tokens.</param>
/// <param name="Loss">Loss of the best plan found.</param>
/// <param name="LowerBound">Proven: no plan that keeps the bounds has less.</param>
/// <param name="RelativeGap">(Loss - LowerBound) / Loss.</param>
internal sealed record OptimalObjective(int Length, double Loss, double LowerBound, double RelativeGap);
