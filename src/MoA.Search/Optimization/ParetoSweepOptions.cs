namespace MoA.Search.Optimization;

/// <summary>How finely a sweep covers the trade-off between profile lengths.</summary>
public sealed record ParetoSweepOptions
{
    /// <summary>Equidistant points between the least and the greatest loss of the payoff matrix; at least 2.</summary>
    public int Points { get; init; } = 5;

    /// <summary>When the search for each objective's optimum may stop.</summary>
    public PlanSolverOptions Optimum { get; init; } = new();

    /// <summary>When the search in each cell of the grid may stop.</summary>
    public PlanSolverOptions Cell { get; init; } = new() { RelativeGap = 1e-5, WorkLimit = 300_000_000 };
}
