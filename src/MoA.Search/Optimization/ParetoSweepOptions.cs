namespace MoA.Search.Optimization;

/// <summary>How finely a sweep covers the trade-off between profile lengths.</summary>
internal sealed record ParetoSweepOptions
{
    /// <summary>Equidistant points between the least and the greatest loss of the payoff matrix; at least 2.</summary>
    public int Points { get; init; } = 5;

    /// <summary>
    /// Work for plans between those of the grid, in the unit of <see cref="PlanSolverOptions.WorkLimit"/>. On small
    /// problems it is enough for the whole front to 0.05% of each loss; 0 leaves the grid as it is.
    /// </summary>
    public long RefinementWork { get; init; } = 2_000_000_000;

    /// <summary>Greatest number of programmes solved for plans between those of the grid.</summary>
    public int RefinementLimit { get; init; } = 600;

    /// <summary>When the search for each objective's optimum may stop.</summary>
    public PlanSolverOptions Optimum { get; init; } = new();

    /// <summary>When the search in each cell of the grid may stop.</summary>
    public PlanSolverOptions Cell { get; init; } = new() { RelativeGap = 3e-5, WorkLimit = 150_000_000 };

    /// <summary>Programmes solved at a time, by a thread each; null for one a processor. Without a time limit results do not depend on it.</summary>
    public int? Threads { get; init; }

    /// <summary>
    /// Time for the whole sweep: half of it for the optima, whose own work is then not limited, the rest for cells and
    /// refinement, as many as it lasts for. Null: work alone decides, and the result is the same on every machine.
    /// </summary>
    public TimeSpan? TimeLimit { get; init; }
}
