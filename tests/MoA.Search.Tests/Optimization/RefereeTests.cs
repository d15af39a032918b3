using FsCheck;
using FsCheck.Fluent;
using Google.OrTools.Sat;
using MoA.Search.Optimization;
using MoA.Tests;

namespace MoA.Search.Tests.Optimization;

/// <summary>Random problems in whole blocks, many with bounds that some plan meets exactly, against another solver.</summary>
public sealed class RefereeTests
{
    private static readonly Arbitrary<int> Seeds = Gen.Choose(0, int.MaxValue - 1).ToArbitrary();

    [RefereeFact]
    public void Optimum_and_bound_are_those_of_another_solver() =>
        Prop.ForAll(Seeds, seed =>
        {
            Random random = new(seed);
            WholeBlockProblem draw = new(random, random.Next(1, 4), random.Next(1, 5), random.Next(2, 9));
            AssertAgrees(draw, draw.Problem(random.Next(4) switch { 0 => null, int limit => limit }));
        }).Holds(100);

    [RefereeFact]
    public void Many_heads_without_a_limit_on_rules_too() =>
        Prop.ForAll(Seeds, seed =>
        {
            WholeBlockProblem draw = new(new Random(seed), 4, 16, 50);
            AssertAgrees(draw, draw.Problem(null));
        }).Holds(4);

    private static void AssertAgrees(WholeBlockProblem draw, PlanProblem problem)
    {
        PlanSolution solution = PlanSolver.Solve(problem, 0);
        (CpSolverStatus status, double loss, double bound) =
            Referee.Solve(problem, draw.Losses, draw.Blocks, draw.Least(problem), WholeBlockProblem.Most(problem));
        bool hasPlan = status is CpSolverStatus.Optimal or CpSolverStatus.Feasible;
        // With its effort spent the other solver may know of no plan, and this one has shown that there is none.
        Assert.True(hasPlan || status is CpSolverStatus.Infeasible or CpSolverStatus.Unknown, $"the referee says {status}");
        if (status == CpSolverStatus.Infeasible || (!hasPlan && !solution.HasPlan))
        {
            Assert.Equal(SolveStatus.Infeasible, solution.Status);
            return;
        }

        // A floor that leaves whole blocks no choice at several lengths can be too much for either.
        Assert.True(solution.Status == SolveStatus.Optimal || (status != CpSolverStatus.Optimal && solution.Status == SolveStatus.Feasible), $"{solution.Status}, the referee says {status}");
        loss = hasPlan ? loss : double.PositiveInfinity;
        Assert.True(solution.LowerBound <= loss * (1 + 1e-12), $"bound {solution.LowerBound}, but there is a plan of {loss}");
        Assert.InRange(solution.Loss, bound * (1 - 1e-12), loss * (1 + 1e-6));
        for (int c = 0; c < draw.Blocks.Length; c++)
            Assert.InRange(solution.RuleOfHead.Sum(rule => draw.Blocks[c][rule]), draw.Least(problem)[c], WholeBlockProblem.Most(problem)[c]);
        PlanInstance.AssertKeepsLimits(problem, solution.RuleOfHead);
    }
}
