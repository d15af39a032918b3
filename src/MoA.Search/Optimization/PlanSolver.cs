namespace MoA.Search.Optimization;

/// <summary>
/// Finds the plan of least loss at one profile length under density bounds, with a proof of how good it is
/// (docs/optimization.md). The result depends on nothing but the problem and the options, unless a time limit ends it.
/// </summary>
internal static class PlanSolver
{
    /// <summary>Minimises one objective.</summary>
    /// <param name="problem">Losses, densities and limits.</param>
    /// <param name="objective">Index of the objective to minimise.</param>
    /// <param name="bounds">Limits on other objectives, kept to a relative 1e-6; none when null.</param>
    /// <param name="options">When to stop; defaults when null.</param>
    /// <param name="cancellation">Ends the search with an <see cref="OperationCanceledException"/>.</param>
    /// <returns>The best plan found and the proven bound, or the reason why there is none.</returns>
    public static PlanSolution Solve(
        PlanProblem problem,
        int objective,
        IReadOnlyList<ObjectiveBound>? bounds = null,
        PlanSolverOptions? options = null,
        CancellationToken cancellation = default) =>
        Solve(problem, objective, bounds ?? [], 0, null, options ?? new PlanSolverOptions(), cancellation).Solution;

    /// <summary>
    /// As the public form, with a weight for the other objectives that decides between plans of (nearly) equal loss, and
    /// with prices of a similar programme to start from.
    /// </summary>
    internal static (PlanSolution Solution, double[] Prices, long Work) Solve(
        PlanProblem problem,
        int objective,
        IReadOnlyList<ObjectiveBound> bounds,
        double otherWeight,
        double[]? startPrices,
        PlanSolverOptions options,
        CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(problem);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)objective, (uint)problem.Objectives.Count);
        if (InfeasibleBounds.Shortfalls(problem).FirstOrDefault() is DensityShortfall shortfall)
            return (WithoutPlan(SolveStatus.Infeasible) with { Shortfall = shortfall }, [], 0);

        double[] weights = new double[problem.Objectives.Count];
        Array.Fill(weights, otherWeight);
        weights[objective] = 1;
        CoupledProgramme programme = new(problem, objective, bounds, weights);
        SearchEffort effort = new(options, cancellation, programme.IsSmall);
        double[] start = new double[programme.Rows];
        startPrices.AsSpan(0, Math.Min(startPrices?.Length ?? 0, start.Length)).CopyTo(start);
        SearchOutcome outcome = LatticeSearch.Run(programme, effort, start);
        return (Describe(problem, objective, weights, programme, outcome, options), outcome.Prices, effort.Work);
    }

    private static PlanSolution Describe(
        PlanProblem problem,
        int objective,
        double[] weights,
        CoupledProgramme programme,
        SearchOutcome outcome,
        PlanSolverOptions options)
    {
        // Rounding in sums of many terms must not turn a bound that is tight into one that is wrong.
        double bound = outcome.Bound * programme.CostScale;
        bound -= double.IsFinite(bound) ? 1e-12 * Math.Abs(bound) + GreatestOfOthers(problem, objective, weights) : 0;
        if (outcome.Choice is null)
        {
            SolveStatus status = double.IsPositiveInfinity(outcome.Bound) ? SolveStatus.Infeasible : SolveStatus.Unknown;
            return WithoutPlan(status) with { LowerBound = bound };
        }

        int[] ruleOfHead = programme.Expand(outcome.Choice);
        double[] losses = problem.LossesOf(ruleOfHead);
        if (losses[objective] - bound <= 1e-11 * Math.Abs(losses[objective]))
            bound = losses[objective];
        PlanSolution solution = new()
        {
            Status = SolveStatus.Feasible,
            RuleOfHead = ruleOfHead,
            Losses = losses,
            Densities = problem.DensitiesOf(ruleOfHead),
            Loss = losses[objective],
            LowerBound = Math.Min(bound, losses[objective]),
        };
        return solution.RelativeGap <= options.RelativeGap ? solution with { Status = SolveStatus.Optimal } : solution;
    }

    /// <summary>What the weighted other objectives can add to the cost of any plan.</summary>
    private static double GreatestOfOthers(PlanProblem problem, int objective, double[] weights)
    {
        double sum = 0;
        for (int other = 0; other < weights.Length; other++)
        {
            if (other == objective || weights[other] == 0)
                continue;
            double[] losses = problem.Objectives[other].Losses;
            for (int head = 0; head < problem.Heads; head++)
                sum += weights[other] * losses.AsSpan(head * problem.Rules.Count, problem.Rules.Count).ToArray().Max();
        }

        return sum;
    }

    private static PlanSolution WithoutPlan(SolveStatus status) => new()
    {
        Status = status,
        RuleOfHead = [],
        Losses = [],
        Densities = [],
        Loss = double.PositiveInfinity,
        LowerBound = double.PositiveInfinity,
    };
}
