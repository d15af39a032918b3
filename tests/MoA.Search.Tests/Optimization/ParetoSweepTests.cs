using System.Text.Json;
using MoA.Engine;
using MoA.Engine.Attention;
using MoA.Search.Optimization;

namespace MoA.Search.Tests.Optimization;

public sealed class ParetoSweepTests
{
    [Theory]
    [InlineData("h8", null, 150_000_000)]
    [InlineData("h8", 2, 150_000_000)]
    [InlineData("h8-profiled", null, 150_000_000)]
    [InlineData("h8-profiled", 2, 150_000_000)]
    [InlineData("h32", null, 10_000_000)]
    public void Every_point_of_the_fixture_front_is_matched_or_dominated(string name, int? maxRules, long cellWork)
    {
        (PlanProblem problem, JsonElement expected) = PlanInstance.Load(name, maxRules);
        ParetoSweepOptions options = new()
        {
            Cell = new PlanSolverOptions { RelativeGap = 3e-5, WorkLimit = cellWork },
            RefinementWork = 10 * cellWork,
        };
        OptimizationResult result = ParetoSweep.Run(problem, options);
        string sweep = $"sweep.K={(maxRules is null ? "None" : maxRules.Value.ToString(System.Globalization.CultureInfo.InvariantCulture))}";
        foreach (JsonElement point in expected.GetProperty(sweep).GetProperty("front").EnumerateArray())
        {
            double[] losses = [.. point.EnumerateArray().Select(loss => loss.GetDouble())];
            Assert.Contains(result.Plans, plan => plan.Losses.Zip(losses).All(pair => pair.First <= pair.Second * 1.001));
        }

        foreach (ParetoPlan plan in result.Plans)
        {
            PlanInstance.AssertKeepsLimits(problem, plan.RuleOfHead);
            Assert.Equal(problem.LossesOf(plan.RuleOfHead), plan.Losses);
            Assert.DoesNotContain(result.Plans, other =>
                other != plan && other.Losses.Zip(plan.Losses).All(pair => pair.First <= pair.Second));
        }

        for (int objective = 0; objective < problem.Objectives.Count; objective++)
        {
            Assert.Equal(problem.Objectives[objective].Length, result.Objectives[objective].Length);
            Assert.Contains(result.Plans, plan => plan.Losses[objective] <= result.Objectives[objective].Loss * (1 + 1e-6));
        }
    }

    [Fact]
    public void Two_sweeps_give_the_same_plans()
    {
        PlanProblem problem = PlanInstance.Load("h8", 2).Problem;
        ParetoSweepOptions options = new()
        {
            Cell = new PlanSolverOptions { WorkLimit = 5_000_000 },
            RefinementWork = 50_000_000,
        };
        IReadOnlyList<ParetoPlan> first = ParetoSweep.Run(problem, options).Plans;
        IReadOnlyList<ParetoPlan> second = ParetoSweep.Run(problem, options).Plans;
        Assert.Equal(first.Select(plan => plan.RuleOfHead), second.Select(plan => plan.RuleOfHead));
    }

    [Fact]
    public void Plans_do_not_depend_on_the_number_of_threads_and_one_is_the_callers_own()
    {
        PlanProblem problem = PlanInstance.Load("h8", 3).Problem;
        HashSet<int> threads = [];
        int[][][] plans = [.. new[] { 1, 2, 7 }.Select(count =>
        {
            ParetoSweepOptions options = new() { Threads = count, Points = 3, RefinementWork = 5_000_000 };
            return ParetoSweep.Run(problem, options, progress: _ => Note(count))
                .Plans.Select(plan => plan.RuleOfHead).ToArray();
        })];
        Assert.Equal(plans[0], plans[1]);
        Assert.Equal(plans[0], plans[2]);
        Assert.Equal([Environment.CurrentManagedThreadId], threads);

        void Note(int count)
        {
            if (count == 1)
                _ = threads.Add(Environment.CurrentManagedThreadId);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Cancellation_ends_a_sweep_that_is_under_way(int threads)
    {
        using CancellationTokenSource source = new();
        int reports = 0;
        Assert.ThrowsAny<OperationCanceledException>(() => ParetoSweep.Run(
            PlanInstance.Load("h8", 2).Problem, new ParetoSweepOptions { Threads = threads }, _ => Cancel(), source.Token));
        Assert.InRange(reports, 1, threads);

        void Cancel()
        {
            reports++;
            source.Cancel();
        }
    }

    [Fact]
    public void A_single_length_has_its_optimum_only()
    {
        PlanProblem problem = new(
            1, 2, [new ElasticRule(64, 0), ElasticRule.Dense],
            [new PlanObjective(512, [3, 0, 4, 0])], [new DensityConstraint(512, 0.625, [0.25, 1])]);
        OptimizationResult result = ParetoSweep.Run(problem);
        ParetoPlan plan = Assert.Single(result.Plans);
        Assert.Equal([0, 1], plan.RuleOfHead);
        Assert.Equal(3, Assert.Single(result.Objectives).Loss);
        Assert.Equal(1, result.Programmes);
    }

    [Fact]
    public void Losses_of_zero_end_the_refinement()
    {
        // Both dense: no loss anywhere, and the bounds allow it.
        PlanProblem problem = new(
            1, 2, [new ElasticRule(64, 0), ElasticRule.Dense],
            [new PlanObjective(256, [3, 0, 4, 0]), new PlanObjective(512, [1, 0, 2, 0])],
            [new DensityConstraint(512, 1, [0.25, 1])]);
        OptimizationResult result = ParetoSweep.Run(problem);
        Assert.Equal([0.0, 0.0], Assert.Single(result.Plans).Losses);
        Assert.InRange(result.Programmes, 2, 12);
    }

    [Fact]
    public void Progress_counts_the_programmes_of_the_grid()
    {
        List<SweepProgress> reports = [];
        OptimizationResult result = ParetoSweep.Run(
            PlanInstance.Load("h8-profiled", 2).Problem, new ParetoSweepOptions { RefinementWork = 0 }, reports.Add);
        Assert.Equal(10, result.Programmes);
        Assert.Equal(Enumerable.Range(1, 10), reports.Select(report => report.Done));
        Assert.All(reports, report => Assert.Equal(10, report.Total));
        Assert.Equal(result.Objectives[0].Loss, reports[^1].LeastLosses[0], 1e-12);
    }

    [Fact]
    public void A_spread_starts_with_the_best_of_each_length_and_goes_on_with_the_farthest()
    {
        ParetoPlan[] plans = [.. new double[] { 0, 1, 2, 6, 10 }.Select(x => new ParetoPlan([0], [x, 10 - x], [0.5]))];
        OptimizationResult result = new(PlanInstance.Load("h8", 2).Problem, [], plans, 0, TimeSpan.Zero);
        Assert.Equal([0.0, 10], result.Spread(2).Select(plan => plan.Losses[0]));
        Assert.Equal([0.0, 6, 10], result.Spread(3).Select(plan => plan.Losses[0]));
        Assert.Equal(plans, result.Spread(9));
    }

    [Fact]
    public void A_document_records_each_length_once()
    {
        PlanProblem problem = new(
            1, 2, [new ElasticRule(64, 0), ElasticRule.Dense],
            [new PlanObjective(512, [3, 0, 4, 0])],
            [new DensityConstraint(1024, 0.6, [0.125, 1]), new DensityConstraint(512, 0.625, [0.25, 1])]);
        OptimizationResult result = ParetoSweep.Run(problem);
        PlanModel model = new("demo", 1, 2, 2);
        PlanDocument document = result.ToDocument(result.Plans[0], HeadKind.KeyValue, model);
        Assert.Equal(
            [new PlanSearchLength(512, 0.625, 0.625, 3), new PlanSearchLength(1024, 0.6, 0.5625, null)],
            document.Search!.Lengths);
        Assert.Equal(ElasticRule.Dense, document.Plan[0, 1]);
        document.CheckFits(1, 2, 2, "plan.json");
    }

    [Fact]
    public void Bounds_that_cannot_be_kept_are_bad_input_that_names_the_length()
    {
        PlanProblem problem = new(
            1, 1, [new ElasticRule(64, 0), ElasticRule.Dense],
            [new PlanObjective(256, [1, 0]), new PlanObjective(512, [1, 0])],
            [new DensityConstraint(512, 0.125, [0.25, 1])]);
        InvalidInputException error = Assert.Throws<InvalidInputException>(() => ParetoSweep.Run(problem));
        Assert.Contains("512", error.Message, StringComparison.Ordinal);
        Assert.Contains("0.25", error.Message, StringComparison.Ordinal);
    }
}
