namespace MoA.Search.Optimization;

/// <summary>Why no plan exists: a length whose bound no choice of rules can keep.</summary>
/// <param name="Length">The constrained length in tokens.</param>
/// <param name="Bound">The density that was asked for.</param>
/// <param name="Reachable">The density nearest to it that any plan has.</param>
internal sealed record DensityShortfall(int Length, double Bound, double Reachable);
