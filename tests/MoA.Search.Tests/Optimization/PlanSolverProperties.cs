using FsCheck;
using FsCheck.Fluent;
using MoA.Engine.Attention;
using MoA.Search.Optimization;
using MoA.Tests;

namespace MoA.Search.Tests.Optimization;

/// <summary>Small random problems against all their plans.</summary>
public sealed class PlanSolverProperties
{
    private const int Cases = 200;

    private static readonly Arbitrary<int> Seeds = Gen.Choose(0, int.MaxValue - 1).ToArbitrary();

    [Fact]
    public void The_result_is_the_best_of_all_plans() =>
        Prop.ForAll(Seeds, seed =>
        {
            RandomProblem random = new(seed);
            double best = random.LeastLoss(random.Problem, random.Bounds);
            PlanSolution solution = PlanSolver.Solve(random.Problem, 0, random.Bounds);
            if (double.IsPositiveInfinity(best))
                return solution.Status == SolveStatus.Infeasible;
            return solution.Status == SolveStatus.Optimal
                && random.Keeps(random.Problem, random.Bounds, solution.RuleOfHead)
                && Math.Abs(solution.Loss - best) <= 2e-6 * best
                && solution.LowerBound <= best * (1 + 1e-9);
        }).Holds(Cases);

    [Fact]
    public void A_search_cut_short_still_has_a_valid_bound_and_plan() =>
        Prop.ForAll(Seeds, seed =>
        {
            RandomProblem random = new(seed);
            double best = random.LeastLoss(random.Problem, random.Bounds);
            PlanSolution solution = PlanSolver.Solve(
                random.Problem, 0, random.Bounds, new PlanSolverOptions { WorkLimit = seed % 30_000 });
            return (!solution.HasPlan || solution.Loss >= best * (1 - 1e-9))
                && (!solution.HasPlan || random.Keeps(random.Problem, random.Bounds, solution.RuleOfHead))
                && solution.LowerBound <= best * (1 + 1e-9);
        }).Holds(Cases);

    [Fact]
    public void A_tighter_bound_never_improves_the_loss() =>
        Prop.ForAll(Seeds, seed =>
        {
            RandomProblem random = new(seed);
            PlanProblem tighter = random.WithBoundsScaled(0.9);
            double loose = PlanSolver.Solve(random.Problem.WithLimits(random.Problem.MaxRulesPerLayer, null), 0).Loss;
            double tight = PlanSolver.Solve(tighter.WithLimits(random.Problem.MaxRulesPerLayer, null), 0).Loss;
            return tight >= loose * (1 - 2e-6);
        }).Holds(Cases);

    [Fact]
    public void Four_rules_in_a_layer_are_enumerated_too() =>
        Prop.ForAll(Seeds, seed =>
        {
            RandomProblem random = new(seed, layers: 1, heads: 5, rules: 5, maxRules: 4);
            double best = random.LeastLoss(random.Problem, random.Bounds);
            PlanSolution solution = PlanSolver.Solve(random.Problem, 0, random.Bounds);
            return double.IsPositiveInfinity(best)
                ? solution.Status == SolveStatus.Infeasible
                : solution.Status == SolveStatus.Optimal && Math.Abs(solution.Loss - best) <= 2e-6 * best;
        }).Holds(Cases);

    [Fact]
    public void One_rule_for_a_layer_is_the_best_of_all_plans_of_that_kind() =>
        Prop.ForAll(Seeds, seed =>
        {
            RandomProblem random = new(seed, layers: 2, heads: seed % 3 + 1, rules: 4, maxRules: null);
            PlanProblem problem = random.Problem.WithLimits(null, random.Problem.DensityFloor, samePerLayer: true);
            double best = random.LeastLoss(random.Problem.WithLimits(1, random.Problem.DensityFloor), random.Bounds);
            PlanSolution solution = PlanSolver.Solve(problem, 0, random.Bounds);
            return double.IsPositiveInfinity(best)
                ? solution.Status == SolveStatus.Infeasible
                : solution.Status == SolveStatus.Optimal && Math.Abs(solution.Loss - best) <= 2e-6 * best
                    && random.Keeps(problem.WithLimits(1, problem.DensityFloor), random.Bounds, solution.RuleOfHead);
        }).Holds(Cases);

    [Fact]
    public void Key_value_heads_get_the_rule_that_is_best_for_their_query_heads() =>
        Prop.ForAll(Seeds, seed =>
        {
            // Two layers of four query heads that share two KV heads.
            RandomProblem query = new(seed, layers: 2, heads: 4, rules: 3, maxRules: null);
            PlanObjective[] grouped =
            [
                .. query.Problem.Objectives.Select(objective => objective with
                {
                    Losses = RuleLoss.OfKeyValueHeads(objective.Losses, 2, 4, 2),
                }),
            ];
            PlanProblem problem = new(2, 2, query.Problem.Rules, grouped, query.Problem.Constraints)
            {
                MaxRulesPerLayer = seed % 3 == 0 ? null : seed % 3,
                DensityFloor = query.Problem.DensityFloor,
            };
            double best = query.LeastLoss(query.Problem.WithLimits(problem.MaxRulesPerLayer, problem.DensityFloor), query.Bounds, 2);
            PlanSolution solution = PlanSolver.Solve(problem, 0, query.Bounds);
            return double.IsPositiveInfinity(best)
                ? solution.Status == SolveStatus.Infeasible
                : solution.Status == SolveStatus.Optimal && Math.Abs(solution.Loss - best) <= 2e-6 * best;
        }).Holds(Cases);

    [Fact]
    public void A_search_in_parts_by_lattices_finds_the_best_of_all_plans() =>
        Prop.ForAll(Seeds, seed =>
        {
            RandomProblem random = new(seed, layers: 2, heads: 3, rules: 4, maxRules: seed % 4 == 0 ? null : seed % 4);
            double best = random.LeastLoss(random.Problem, random.Bounds);
            double[] weights = [1, .. new double[random.Problem.Objectives.Count - 1]];
            CoupledProgramme programme = new CoupledProgramme(random.Problem, 0, random.Bounds, weights).WithLattices();
            SearchEffort effort = new(new PlanSolverOptions(), CancellationToken.None);
            SearchOutcome nothing = new(null, double.PositiveInfinity, double.NegativeInfinity, new double[programme.Rows]);
            SearchOutcome found = LatticeSearch.SearchParts(programme, effort, nothing);
            return double.IsPositiveInfinity(best)
                ? found.Choice is null && double.IsPositiveInfinity(found.Bound)
                : found.Choice is not null
                    && random.Keeps(random.Problem, random.Bounds, programme.Expand(found.Choice))
                    && Math.Abs(found.Cost * programme.CostScale - best) <= 2e-6 * best
                    && found.Bound * programme.CostScale <= best * (1 + 1e-9);
        }).Holds(Cases);

    /// <summary>At most two layers of three heads and six rules, so that all plans can be counted.</summary>
    private sealed class RandomProblem
    {
        private readonly Random _random;
        private readonly int _layers;
        private readonly int _heads;
        private readonly ElasticRule[] _rules;
        private readonly PlanObjective[] _objectives;
        private readonly DensityConstraint[] _constraints;

        public RandomProblem(int seed)
            : this(seed, seed % 2 + 1, seed / 2 % 3 + 1, seed / 6 % 6 + 1, (seed / 36 % 4) switch { 0 => null, int k => k })
        {
        }

        public RandomProblem(int seed, int layers, int heads, int rules, int? maxRules)
        {
            _random = new Random(seed);
            _layers = layers;
            _heads = heads;
            _rules = [.. Enumerable.Range(1, rules).Select(rule => new ElasticRule(64 * rule, 0))];
            // Coarse numbers make ties, fine ones exercise rounding.
            int steps = _random.Next(2) == 0 ? 4 : 999_983;
            _objectives = [.. Enumerable.Range(1, _random.Next(1, 4)).Select(length => new PlanObjective(length, Losses(steps)))];
            _constraints = [.. Enumerable.Range(1, _random.Next(1, 4)).Select(length => Constraint(length, steps))];
            Problem = Create(_constraints, maxRules, _random.Next(3) == 0 ? 0.8 : null);
            Bounds = _objectives.Length > 1 && _random.Next(2) == 0 ? [Bound()] : [];
        }

        public PlanProblem Problem { get; }

        public ObjectiveBound[] Bounds { get; }

        public PlanProblem WithBoundsScaled(double factor) => Create(
            [.. _constraints.Select(constraint => constraint with { Bound = constraint.Bound * factor })],
            Problem.MaxRulesPerLayer,
            Problem.DensityFloor);

        /// <summary>Least loss of all plans in which the heads of each group share a rule.</summary>
        public double LeastLoss(PlanProblem problem, ObjectiveBound[] bounds, int group = 1)
        {
            int[] plan = new int[problem.Heads];
            double best = double.PositiveInfinity;
            while (true)
            {
                double loss = problem.LossesOf(plan)[0];
                if (loss < best && Keeps(problem, bounds, plan))
                    best = loss;
                int head = 0;
                for (; head < plan.Length && plan[head] + 1 == _rules.Length; head += group)
                    plan.AsSpan(head, group).Clear();
                if (head == plan.Length)
                    return best;
                plan.AsSpan(head, group).Fill(plan[head] + 1);
            }
        }

        public bool Keeps(PlanProblem problem, ObjectiveBound[] bounds, int[] plan)
        {
            double[] densities = problem.DensitiesOf(plan);
            for (int i = 0; i < densities.Length; i++)
            {
                double bound = problem.Constraints[i].Bound;
                if (densities[i] > bound * (1 + 1e-6) || densities[i] < bound * (problem.DensityFloor ?? 0) * (1 - 1e-6))
                    return false;
            }

            double[] losses = problem.LossesOf(plan);
            foreach (ObjectiveBound bound in bounds)
            {
                if (losses[bound.Objective] > bound.High * (1 + 1.01e-6) || losses[bound.Objective] < bound.Low * (1 - 1.01e-6))
                    return false;
            }

            for (int layer = 0; layer < _layers; layer++)
            {
                if (plan.Skip(layer * _heads).Take(_heads).Distinct().Count() > (problem.MaxRulesPerLayer ?? int.MaxValue))
                    return false;
            }

            return true;
        }

        private PlanProblem Create(DensityConstraint[] constraints, int? maxRules, double? floor) =>
            new(_layers, _heads, _rules, _objectives, constraints) { MaxRulesPerLayer = maxRules, DensityFloor = floor };

        private double[] Losses(int steps) =>
            [.. Enumerable.Range(0, _layers * _heads * _rules.Length).Select(_ => (double)_random.Next(steps + 1) / steps)];

        private DensityConstraint Constraint(int length, int steps)
        {
            double bound = _random.Next(2) == 0 ? 0.5 : 0.2 + 0.7 * _random.NextDouble();
            // Coarse densities are counts of blocks, 1, 5, 9 or all 12 of them, as stored rows are.
            return steps == 4
                ? new DensityConstraint(12 * 64, bound, [.. _rules.Select(_ => Math.Min(12, 1 + 4 * _random.Next(4)) / 12.0)])
                : new DensityConstraint(length, bound, [.. _rules.Select(_ => (double)_random.Next(steps + 1) / steps)]);
        }

        private ObjectiveBound Bound()
        {
            double low = _random.NextDouble() * _layers * _heads / 2;
            double high = low + _random.NextDouble() * _layers * _heads / 2;
            return new ObjectiveBound(1, _random.Next(2) == 0 ? low : double.NegativeInfinity, high);
        }
    }
}
