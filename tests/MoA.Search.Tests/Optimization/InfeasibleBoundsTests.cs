using MoA.Engine;
using MoA.Engine.Attention;
using MoA.Search.Optimization;

namespace MoA.Search.Tests.Optimization;

public sealed class InfeasibleBoundsTests
{
    private static readonly ElasticRule[] Rules = [new(128, 0), new(192, 0), ElasticRule.Dense];

    [Fact]
    public void Every_length_that_no_rule_can_keep_is_named_with_what_would_do() =>
        AssertSays(
            Problem(null, new DensityConstraint(256, 0.4, [0.5, 0.75, 1]), new DensityConstraint(512, 0.2, [0.25, 0.5, 1])),
            "length 256", "bound is 0.4", "is 0.5;", "length 512", "bound is 0.2", "is 0.25");

    [Fact]
    public void A_floor_that_no_rule_reaches_is_named() =>
        AssertSays(
            Problem(1.0, new DensityConstraint(256, 0.9, [0.5, 0.75, 0.8])),
            "length 256", "floor is 0.9", "0.8");

    [Fact]
    public void Bounds_that_exclude_each_other_say_how_far_one_of_them_would_have_to_move() =>
        // Rule 0 is lean at 256 and costly at 512, rule 1 the other way round; two heads with one rule each: the means of the
        // four plans are (0.2, 0.8), (0.5, 0.5) twice and (0.8, 0.2).
        AssertSays(
            Problem(null, new DensityConstraint(256, 0.4, [0.2, 0.8, 0.9]), new DensityConstraint(512, 0.4, [0.8, 0.2, 0.9])),
            "256=0.8 or 512=0.8");

    [Fact]
    public void Three_bounds_of_which_no_single_one_is_to_blame_get_an_example() =>
        AssertSays(
            Problem(
                null,
                new DensityConstraint(256, 0.3, [0.2, 0.8, 0.8]),
                new DensityConstraint(512, 0.3, [0.8, 0.2, 0.8]),
                new DensityConstraint(1024, 0.3, [0.8, 0.8, 0.2])),
            "256=", "512=", "1024=", "these can be");

    [Fact]
    public void A_floor_above_what_whole_rules_can_meet_gets_the_share_they_can()
    {
        // Means are 0.5, 0.625, 0.75 or more: at most 0.7 leaves 0.625, that is 0.8928 of the bound.
        AssertSays(Problem(0.95, new DensityConstraint(256, 0.7, [0.5, 0.75, 1])), "length 256", "0.665", "0.625", "0.892");
    }

    private static PlanProblem Problem(double? floor, params DensityConstraint[] constraints) =>
        new(1, 2, Rules, [new PlanObjective(256, [3, 2, 0, 4, 1, 0])], constraints) { DensityFloor = floor };

    private static void AssertSays(PlanProblem problem, params string[] words)
    {
        Assert.Equal(SolveStatus.Infeasible, PlanSolver.Solve(problem, 0).Status);
        string message = Assert.Throws<InvalidInputException>(() => ParetoSweep.Run(problem)).Message;
        Assert.DoesNotContain('\n', message);
        foreach (string word in words)
            Assert.Contains(word, message, StringComparison.Ordinal);
    }
}
