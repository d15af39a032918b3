namespace MoA.Search.Optimization;

/// <summary>When a search for the best plan may stop.</summary>
public sealed record PlanSolverOptions
{
    /// <summary>Proven relative distance from the best loss at which the search ends.</summary>
    public double RelativeGap { get; init; } = 1e-6;

    /// <summary>
    /// Effort in arithmetic operations, roughly: some seconds' worth by default. Unlike a time limit it makes the
    /// result the same on every machine.
    /// </summary>
    public long WorkLimit { get; init; } = 1_700_000_000;

    /// <summary>Time after which the best plan so far is returned; null for none.</summary>
    public TimeSpan? TimeLimit { get; init; }
}
