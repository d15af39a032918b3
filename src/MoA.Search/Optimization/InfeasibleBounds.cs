using System.Globalization;

namespace MoA.Search.Optimization;

/// <summary>Why no plan keeps the density bounds of a problem, and which bounds a plan could keep.</summary>
internal static class InfeasibleBounds
{
    private const int FloorHalvings = 12;

    /// <summary>Effort for each question; those that stay open are left out of the answer.</summary>
    private static readonly PlanSolverOptions Effort = new() { RelativeGap = 1e-4, WorkLimit = 100_000_000 };

    /// <summary>One sentence that names lengths and what would be feasible there.</summary>
    /// <param name="problem">A problem without a plan.</param>
    /// <param name="cancellation">Ends the search for an answer with an <see cref="OperationCanceledException"/>.</param>
    public static string Explain(PlanProblem problem, CancellationToken cancellation) =>
        SingleLengths(problem) ?? Floor(problem, cancellation) ?? Together(problem, cancellation);

    /// <summary>Lengths at which one rule for all heads cannot keep the bound, or reach the floor.</summary>
    public static IEnumerable<DensityShortfall> Shortfalls(PlanProblem problem)
    {
        foreach (DensityConstraint constraint in problem.Constraints)
        {
            double least = constraint.Densities.Min();
            double greatest = constraint.Densities.Max();
            double floor = constraint.Bound * (problem.DensityFloor ?? 0);
            if (least > constraint.Bound * (1 + DensityConstraint.Tolerance))
                yield return new DensityShortfall(constraint.Length, constraint.Bound, least);
            else if (greatest < floor * (1 - DensityConstraint.Tolerance))
                yield return new DensityShortfall(constraint.Length, floor, greatest);
        }
    }

    private static string? SingleLengths(PlanProblem problem)
    {
        string[] reasons =
        [
            .. Shortfalls(problem).Select(shortfall => Invariant(
                $"at length {shortfall.Length} the {Limit(shortfall)} is {shortfall.Bound:0.######}, and the nearest density any rule has is {shortfall.Reachable:0.######}")),
        ];
        return reasons.Length > 0 ? $"{string.Join("; ", reasons)}. Ask for these densities, or give other rules." : null;

        static string Limit(DensityShortfall shortfall) => shortfall.Reachable > shortfall.Bound ? "bound" : "floor";
    }

    /// <summary>The greatest floor that a plan reaches everywhere, if the bounds alone can be kept.</summary>
    private static string? Floor(PlanProblem problem, CancellationToken cancellation)
    {
        if (problem.DensityFloor is not double floor || !Solve(null).HasPlan)
            return null;
        double low = 0;
        PlanSolution nearest = Solve(null);
        for (double step = floor / 2; step > floor / (1 << FloorHalvings); step /= 2)
        {
            if (Solve(low + step) is { HasPlan: true } solution)
                (low, nearest) = (low + step, solution);
        }

        (DensityConstraint Constraint, double Density) least = problem.Constraints.Zip(nearest.Densities)
            .MinBy(pair => pair.Second / pair.First.Bound);
        return Invariant(
            $"the bounds can be kept, but not with at least {floor:0.####} of each: at length {least.Constraint.Length} the floor is {floor * least.Constraint.Bound:0.######}, and the nearest density is {least.Density:0.######}; a share of {Math.Floor(low * 1e4) / 1e4:0.####} can be reached everywhere.");

        PlanSolution Solve(double? ratio) => PlanSolver.Solve(
            problem.WithLimits(problem.MaxRulesPerLayer, ratio, problem.SamePerLayer), 0, null, Effort, cancellation);
    }

    /// <summary>Bounds that exclude each other: the least density at each length when the others are kept.</summary>
    private static string Together(PlanProblem problem, CancellationToken cancellation)
    {
        List<string> alone = [];
        foreach (DensityConstraint constraint in problem.Constraints)
        {
            DensityConstraint[] others = [.. problem.Constraints.Where(other => other != constraint)];
            PlanSolution solution = Least(problem, [constraint], others, cancellation);
            if (solution.HasPlan)
                alone.Add(Pair(constraint.Length, solution.Loss));
        }

        if (alone.Count > 0)
            return $"each can be kept alone but not all together; with the others as they are, one of these would do: {string.Join(" or ", alone)}.";
        DensityConstraint[] free = [.. problem.Constraints.Select(constraint => constraint with { Bound = 1 })];
        PlanSolution leastOfAll = Least(problem, problem.Constraints, free, cancellation);
        string densities = string.Join(", ", free.Zip(leastOfAll.Densities, (constraint, density) => Pair(constraint.Length, density)));
        return $"each can be kept alone but not all together, nor if any single one is dropped; these can be: {densities}.";
    }

    /// <summary>The plan of least summed density (as shares of the bounds) at some lengths that keeps bounds at others.</summary>
    private static PlanSolution Least(
        PlanProblem problem,
        IReadOnlyList<DensityConstraint> lengths,
        DensityConstraint[] kept,
        CancellationToken cancellation)
    {
        double[] densities = new double[problem.Heads * problem.Rules.Count];
        for (int i = 0; i < densities.Length; i++)
        {
            densities[i] = lengths.Count == 1
                ? lengths[0].Densities[i % problem.Rules.Count] / problem.Heads
                : lengths.Sum(length => length.Densities[i % problem.Rules.Count] / length.Bound) / problem.Heads;
        }

        PlanProblem least = new(
            problem.Layers, problem.HeadsPerLayer, problem.Rules, [new PlanObjective(lengths[0].Length, densities)], kept)
        {
            MaxRulesPerLayer = problem.MaxRulesPerLayer,
            SamePerLayer = problem.SamePerLayer,
        };
        return PlanSolver.Solve(least, 0, null, Effort, cancellation);
    }

    private static string Pair(int length, double density) =>
        Invariant($"{length}={Math.Ceiling(density * 1e6 - 1e-3) / 1e6:0.######}");

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
