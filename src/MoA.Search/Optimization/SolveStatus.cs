namespace MoA.Search.Optimization;

/// <summary>How a search for the best plan ended.</summary>
internal enum SolveStatus
{
    /// <summary>The plan is proven to be within the asked relative gap of the best.</summary>
    Optimal,

    /// <summary>The effort was spent first: the plan keeps all bounds, and the gap says how good it must be.</summary>
    Feasible,

    /// <summary>Proven: no plan keeps all bounds.</summary>
    Infeasible,

    /// <summary>The effort was spent before a plan was found or ruled out.</summary>
    Unknown,
}
