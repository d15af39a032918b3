namespace MoA.Search.Optimization;

/// <summary>A plan that no other plan found is at least as good as at every length.</summary>
/// <param name="RuleOfHead">[Heads]: index of the rule of every head.</param>
/// <param name="Losses">[profile lengths]: loss summed over heads.</param>
/// <param name="Densities">[constrained lengths]: mean density.</param>
internal sealed record ParetoPlan(int[] RuleOfHead, double[] Losses, double[] Densities);
