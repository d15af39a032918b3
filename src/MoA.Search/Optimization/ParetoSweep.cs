using System.Diagnostics;
using MoA.Engine;

namespace MoA.Search.Optimization;

/// <summary>
/// Plans that trade the loss at one profile length for that at another (docs/method.md, section 6): the optimum of each
/// length, then each length in turn minimised while the others are held within the cells of a grid.
/// </summary>
internal static class ParetoSweep
{
    /// <summary>Weight of the other losses in a cell: decides only between plans of nearly equal loss.</summary>
    private const double OtherWeight = 1e-4;

    /// <summary>Programmes of the refinement that are chosen, and solved, together.</summary>
    private const int RefinementBatch = 4;

    /// <summary>Solves all programmes of the sweep.</summary>
    /// <param name="problem">Losses, densities and limits.</param>
    /// <param name="options">Grid and effort; defaults when null.</param>
    /// <param name="progress">Called after each programme, in no particular order of cells.</param>
    /// <param name="cancellation">Ends the sweep with an <see cref="OperationCanceledException"/>.</param>
    /// <returns>The optimum of each objective and the plans that none dominates.</returns>
    /// <exception cref="InvalidInputException">No plan keeps the density bounds; the message names a length.</exception>
    public static OptimizationResult Run(
        PlanProblem problem,
        ParetoSweepOptions? options = null,
        Action<SweepProgress>? progress = null,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(problem);
        options ??= new ParetoSweepOptions();
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Points, 2, nameof(options));
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Threads ?? 1, 1, nameof(options));
        long started = Stopwatch.GetTimestamp();
        Sweep sweep = new(problem, options, progress, started, cancellation);
        sweep.SolveOptima();
        if (problem.Objectives.Count > 1)
        {
            sweep.SolveCells();
            sweep.Refine();
        }

        return new OptimizationResult(
            problem, sweep.Objectives, sweep.Front(), sweep.Done, Stopwatch.GetElapsedTime(started));
    }

    private sealed class Sweep(
        PlanProblem problem,
        ParetoSweepOptions options,
        Action<SweepProgress>? progress,
        long started,
        CancellationToken cancellation)
    {
        private readonly int _objectives = problem.Objectives.Count;
        private readonly int _threads = options.Threads ?? Environment.ProcessorCount;
        private readonly List<ParetoPlan> _plans = [];
        private readonly Lock _lock = new();
        private readonly double[] _leastLosses = [.. problem.Objectives.Select(_ => double.PositiveInfinity)];
        private double[][] _prices = [];
        private double[][] _payoff = [];

        public int Done { get; private set; }

        public IReadOnlyList<OptimalObjective> Objectives { get; private set; } = [];

        /// <summary>One programme per objective for the optima, then all cells of each.</summary>
        private int GridProgrammes =>
            _objectives == 1 ? 1 : _objectives * (1 + (int)Math.Pow(options.Points - 1, _objectives - 1));

        /// <summary>What is left of the time, or null without a limit.</summary>
        private TimeSpan? TimeLeft => options.TimeLimit - Stopwatch.GetElapsedTime(started);

        private bool IsTimeSpent => TimeLeft <= TimeSpan.Zero;

        /// <summary>The effort for an optimum: with a time limit an equal part of the first half of it.</summary>
        private PlanSolverOptions OptimumEffort => TimeLeft is not TimeSpan left ? options.Optimum : options.Optimum with
        {
            TimeLimit = left / 2 / Math.Ceiling((double)_objectives / Math.Min(_objectives, _threads)),
            WorkLimit = long.MaxValue,
        };

        private PlanSolverOptions CellEffort => TimeLeft is TimeSpan left ? options.Cell with { TimeLimit = left } : options.Cell;

        public void SolveOptima()
        {
            PlanSolverOptions effort = OptimumEffort;
            PlanSolution[] solutions = new PlanSolution[_objectives];
            _prices = new double[_objectives][];
            _payoff = new double[_objectives][];
            InParallel(_objectives, objective =>
            {
                (solutions[objective], _prices[objective], _) =
                    PlanSolver.Solve(problem, objective, [], 0, null, effort, cancellation);
                Report(solutions[objective]);
            });
            foreach (PlanSolution solution in solutions)
                RequirePlan(solution);
            Objectives =
            [
                .. solutions.Select((solution, index) => new OptimalObjective(
                    problem.Objectives[index].Length, solution.Loss, solution.LowerBound, solution.RelativeGap)),
            ];
            foreach (PlanSolution solution in solutions)
                Keep(solution);
            for (int objective = 0; objective < _objectives; objective++)
                _payoff[objective] = solutions[objective].Losses;
        }

        public void SolveCells()
        {
            List<(int Primary, ObjectiveBound[] Bounds)> cells = [.. Cells()];
            PlanSolution?[] solutions = new PlanSolution?[cells.Count];
            InParallel(cells.Count, index =>
            {
                if (IsTimeSpent)
                    return;
                (int primary, ObjectiveBound[] bounds) = cells[index];
                double weight = OtherWeight / (_objectives - 1);
                solutions[index] = PlanSolver.Solve(
                    problem, primary, bounds, weight, _prices[primary], CellEffort, cancellation).Solution;
                Report(solutions[index]!);
            });
            foreach (PlanSolution solution in solutions.OfType<PlanSolution>())
                Keep(solution);
        }

        /// <summary>
        /// Looks for plans that none found so far dominates, in the largest part of the objective space that may hold one.
        /// </summary>
        public void Refine()
        {
            double[] ideal = [.. Enumerable.Range(0, _objectives).Select(o => _plans.Min(plan => plan.Losses[o]))];
            double[] nadir = [.. Enumerable.Range(0, _objectives).Select(o => _payoff.Max(losses => losses[o]))];
            SearchZones zones = new(ideal, nadir);
            foreach (ParetoPlan plan in Front())
                zones.Exclude(plan.Losses);
            long work = 0;
            for (int solved = 0; solved < options.RefinementLimit && work < options.RefinementWork && !IsTimeSpent;)
            {
                List<double[]> corners = zones.TakeLargest(RefinementBatch);
                if (corners.Count == 0)
                    return;
                var results = new (PlanSolution Solution, double[] Prices, long Work)[corners.Count];
                InParallel(corners.Count, index =>
                {
                    results[index] = SolveZone(corners[index], ideal, nadir);
                    Report(results[index].Solution);
                });
                for (int i = 0; i < results.Length; i++)
                {
                    work += results[i].Work;
                    solved++;
                    Keep(results[i].Solution);
                    if (results[i].Solution.HasPlan)
                        zones.Return(corners[i]);
                }

                foreach ((PlanSolution solution, _, _) in results)
                {
                    if (solution.HasPlan)
                        zones.Exclude(solution.Losses);
                }
            }
        }

        /// <summary>The best plan below a corner by the loss that has most room there.</summary>
        private (PlanSolution Solution, double[] Prices, long Work) SolveZone(
            double[] corner, double[] ideal, double[] nadir)
        {
            int primary = Enumerable.Range(0, _objectives)
                .MaxBy(o => (corner[o] - ideal[o]) / Math.Max(nadir[o] - ideal[o], double.Epsilon));
            ObjectiveBound[] bounds =
                [.. corner.Select((high, o) => new ObjectiveBound(o, double.NegativeInfinity, high * (1 - 2e-6)))];
            return PlanSolver.Solve(
                problem, primary, bounds, OtherWeight / (_objectives - 1), null, CellEffort, cancellation);
        }

        /// <summary>Plans without duplicates and without those that another one dominates.</summary>
        public IReadOnlyList<ParetoPlan> Front()
        {
            List<ParetoPlan> front = [];
            foreach (ParetoPlan plan in _plans)
            {
                bool isKnown = front.Exists(other => other.Losses.AsSpan().SequenceEqual(plan.Losses));
                if (!isKnown && !_plans.Exists(other => Dominates(other.Losses, plan.Losses)))
                    front.Add(plan);
            }

            return [.. front.OrderBy(plan => plan.Losses[0]).ThenBy(plan => plan.Losses[^1])];
        }

        private IEnumerable<(int Primary, ObjectiveBound[] Bounds)> Cells()
        {
            int intervals = options.Points - 1;
            for (int primary = 0; primary < _objectives; primary++)
            {
                int[] others = [.. Enumerable.Range(0, _objectives).Where(objective => objective != primary)];
                int count = (int)Math.Pow(intervals, others.Length);
                for (int cell = 0; cell < count; cell++)
                {
                    ObjectiveBound[] bounds = new ObjectiveBound[others.Length];
                    int rest = cell;
                    for (int i = others.Length - 1; i >= 0; i--)
                    {
                        bounds[i] = Interval(others[i], rest % intervals);
                        rest /= intervals;
                    }

                    yield return (primary, bounds);
                }
            }
        }

        private ObjectiveBound Interval(int objective, int interval)
        {
            double low = _payoff.Min(losses => losses[objective]);
            double high = _payoff.Max(losses => losses[objective]);
            double step = (high - low) / (options.Points - 1);
            return new ObjectiveBound(objective, low + interval * step, low + (interval + 1) * step);
        }

        private void Keep(PlanSolution solution)
        {
            if (solution.HasPlan)
                _plans.Add(new ParetoPlan(solution.RuleOfHead, solution.Losses, solution.Densities));
        }

        private void Report(PlanSolution solution)
        {
            lock (_lock)
            {
                Done++;
                for (int objective = 0; objective < solution.Losses.Length; objective++)
                    _leastLosses[objective] = Math.Min(_leastLosses[objective], solution.Losses[objective]);
                progress?.Invoke(new SweepProgress(Done, Math.Max(Done, GridProgrammes), [.. _leastLosses]));
            }
        }

        /// <summary>Solves programmes on as many threads as are allowed; a single one is the caller's own.</summary>
        private void InParallel(int count, Action<int> solve)
        {
            if (_threads > 1)
                _ = Parallel.For(0, count, new ParallelOptions { CancellationToken = cancellation, MaxDegreeOfParallelism = _threads }, solve);
            for (int i = 0; _threads == 1 && i < count; i++)
                solve(i);
        }

        private static bool Dominates(double[] first, double[] second)
        {
            bool better = false;
            for (int i = 0; i < first.Length; i++)
            {
                if (first[i] > second[i])
                    return false;
                better |= first[i] < second[i];
            }

            return better;
        }

        private void RequirePlan(PlanSolution solution)
        {
            if (solution.HasPlan)
                return;
            string reason = solution.Status == SolveStatus.Infeasible
                ? InfeasibleBounds.Explain(problem, cancellation)
                : "none was found with the effort allowed; allow more time or raise a bound.";
            throw new InvalidInputException($"No plan keeps the density bounds: {reason}");
        }
    }
}
