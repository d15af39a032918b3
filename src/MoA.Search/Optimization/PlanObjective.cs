namespace MoA.Search.Optimization;

/// <summary>One loss to be minimised: that of the plan at one profile length.</summary>
/// <param name="Length">Profile length in tokens.</param>
/// <param name="Losses">[layers, heads, R]: loss of every rule for every head; a plan's loss is the sum over heads.</param>
internal sealed record PlanObjective(int Length, double[] Losses);
