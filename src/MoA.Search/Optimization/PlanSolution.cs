namespace MoA.Search.Optimization;

/// <summary>The outcome of minimising one objective.</summary>
internal sealed record PlanSolution
{
    /// <summary>How the search ended; there is a plan iff it is Optimal or Feasible.</summary>
    public required SolveStatus Status { get; init; }

    /// <summary>[Heads]: index of the rule of every head; empty without a plan.</summary>
    public required int[] RuleOfHead { get; init; }

    /// <summary>The plan's loss at each profile length; empty without a plan.</summary>
    public required double[] Losses { get; init; }

    /// <summary>The plan's mean density at each constrained length; empty without a plan.</summary>
    public required double[] Densities { get; init; }

    /// <summary>The plan's loss at the minimised objective; infinity without a plan.</summary>
    public required double Loss { get; init; }

    /// <summary>Proven: no plan that keeps the bounds has a loss below this.</summary>
    public required double LowerBound { get; init; }

    /// <summary>For an infeasible problem, the length to blame when there is a single one.</summary>
    public DensityShortfall? Shortfall { get; init; }

    /// <summary>Whether there is a plan.</summary>
    public bool HasPlan => RuleOfHead.Length > 0;

    /// <summary>(Loss - LowerBound) / Loss, 0 for a loss of 0; infinity without a plan.</summary>
    public double RelativeGap =>
        !HasPlan ? double.PositiveInfinity : Loss <= LowerBound ? 0 : (Loss - LowerBound) / Math.Abs(Loss);
}
