using System.Text.Json;
using MoA.Engine.Attention;
using MoA.Search.Optimization;
using MoA.Tests;

namespace MoA.Search.Tests.Optimization;

public sealed class MpsFileTests
{
    [Theory]
    [InlineData("h8", null, 0)]
    [InlineData("h8", 2, 1)]
    [InlineData("h8-profiled", 2, 1)]
    [InlineData("h32", 2, 2)]
    public void The_expected_plan_is_feasible_and_has_the_expected_loss(string name, int? maxRules, int objective)
    {
        (PlanProblem problem, JsonElement expected) = PlanInstance.Load(name, maxRules);
        MpsProgramme programme = Written(problem, objective);
        JsonElement optimum = expected.GetProperty("single_objective").EnumerateArray().Single(single =>
            single.GetProperty("objective").GetInt32() == objective
            && (single.GetProperty("K").ValueKind == JsonValueKind.Null ? null : (int?)single.GetProperty("K").GetInt32()) == maxRules);
        int[] plan = [.. optimum.GetProperty("plan").EnumerateArray().Select(rule => rule.GetInt32())];
        HashSet<string> ones = Ones(problem, plan);
        Assert.Equal(optimum.GetProperty("value").GetDouble(), programme.Activity(programme.Objective, ones), 1e-9);
        Assert.True(programme.IsFeasible(ones, 1e-6));
        Assert.Equal($"loss_{problem.Objectives[objective].Length}", programme.Objective);
        int columns = problem.Heads * problem.Rules.Count + (maxRules is null ? 0 : problem.Layers * problem.Rules.Count);
        Assert.Equal(columns, programme.Columns.Count);
        Assert.Equal(programme.Columns.Order(), programme.Integers.Order());
        Assert.Equal(programme.Columns.Order(), programme.Binaries.Order());
    }

    [Theory]
    [InlineData(null, null, false)]
    [InlineData(1, null, false)]
    [InlineData(2, 0.8, false)]
    [InlineData(null, 0.8, true)]
    public void Rows_allow_the_plans_that_keep_the_limits_and_no_others(int? maxRules, double? floor, bool samePerLayer)
    {
        // One layer of three heads and three rules, and a second layer of the same: all 729 plans.
        Random random = new(7);
        PlanProblem problem = new(
            2,
            3,
            [new ElasticRule(64, 0), new ElasticRule(256, 0), ElasticRule.Dense],
            [new PlanObjective(512, Losses(random)), new PlanObjective(1024, Losses(random))],
            [new DensityConstraint(512, 0.6, [0.25, 0.5, 1]), new DensityConstraint(1024, 0.5, [0.125, 0.25, 1])])
        {
            MaxRulesPerLayer = maxRules,
            DensityFloor = floor,
            SamePerLayer = samePerLayer,
        };
        MpsProgramme programme = Written(problem, 1);
        for (int code = 0; code < 729; code++)
        {
            int[] plan = [.. Enumerable.Range(0, 6).Select(head => code / (int)Math.Pow(3, head) % 3)];
            int[] rulesOfLayers = [.. plan.Chunk(3).Select(layer => layer.Distinct().Count())];
            if (samePerLayer && rulesOfLayers.Max() > 1)
                continue;
            double[] densities = problem.DensitiesOf(plan);
            bool keeps = densities.Zip(problem.Constraints).All(pair =>
                    pair.First <= pair.Second.Bound + 1e-9 && pair.First >= (floor ?? 0) * pair.Second.Bound - 1e-9)
                && rulesOfLayers.Max() <= (maxRules ?? 3);
            HashSet<string> ones = Ones(problem, plan);
            Assert.Equal(keeps, programme.IsFeasible(ones, 1e-9));
            Assert.Equal(problem.LossesOf(plan)[1], programme.Activity("loss_1024", ones), 1e-12);
            Assert.Equal(problem.LossesOf(plan)[0], programme.Activity("loss_512", ones), 1e-12);
        }

        Assert.Equal("loss_1024", programme.Objective);
    }

    [Fact]
    public void A_head_takes_one_rule_and_only_one_that_its_layer_uses()
    {
        PlanProblem problem = new(
            1, 3, [new ElasticRule(64, 0), new ElasticRule(256, 0), ElasticRule.Dense],
            [new PlanObjective(512, new double[9])], [new DensityConstraint(512, 1, [0.25, 0.5, 1])])
        {
            MaxRulesPerLayer = 2,
        };
        MpsProgramme programme = Written(problem, 0);
        HashSet<string> ones = Ones(problem, new int[3]);
        Assert.True(programme.IsFeasible(ones, 1e-9));
        Assert.False(programme.IsFeasible(ones.Except(["x_0_0_0"]).ToHashSet(), 1e-9));
        Assert.False(programme.IsFeasible(ones.Append("x_0_0_1").Append("y_0_1").ToHashSet(), 1e-9));
        Assert.False(programme.IsFeasible(ones.Except(["x_0_0_0"]).Append("x_0_0_1").ToHashSet(), 1e-9));
        Assert.True(programme.IsFeasible(ones.Except(["x_0_0_0"]).Append("x_0_0_1").Append("y_0_1").ToHashSet(), 1e-9));
        Assert.False(programme.IsFeasible(ones.Append("y_0_1").Append("y_0_2").ToHashSet(), 1e-9));
    }

    private static double[] Losses(Random random) => [.. Enumerable.Range(0, 18).Select(_ => random.NextDouble())];

    private static HashSet<string> Ones(PlanProblem problem, int[] plan)
    {
        HashSet<string> ones = [];
        for (int head = 0; head < plan.Length; head++)
        {
            (int layer, int inLayer) = Math.DivRem(head, problem.HeadsPerLayer);
            _ = ones.Add(problem.SamePerLayer ? $"x_{layer}_all_{plan[head]}" : $"x_{layer}_{inLayer}_{plan[head]}");
            _ = ones.Add($"y_{layer}_{plan[head]}");
        }

        return ones;
    }

    private static MpsProgramme Written(PlanProblem problem, int objective)
    {
        string folder = Directory.CreateTempSubdirectory("mps").FullName;
        try
        {
            string path = Path.Combine(folder, "plan.mps");
            MpsFile.Save(path, problem, objective);
            return MpsProgramme.Parse(File.ReadLines(path));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
