namespace MoA.Search.Optimization;

/// <summary>When a search for the best plan may stop.</summary>
internal sealed record PlanSolverOptions
{
    /// <summary>Proven relative distance from the best loss at which the search ends.</summary>
    public double RelativeGap { get; init; } = 1e-6;

    /// <summary>
    /// Effort in arithmetic operations, roughly. Unlike a time limit it makes the result the same on every machine. Null: a
    /// few seconds' worth, and for at most 64 heads, where that ends with a proof as a rule, up to ten.
    /// </summary>
    public long? WorkLimit { get; init; }

    /// <summary>Time after which the best plan so far is returned; null for none.</summary>
    public TimeSpan? TimeLimit { get; init; }
}
