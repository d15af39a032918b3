using MoA.Engine;
using MoA.Engine.Attention;
using MoA.Search.Optimization;
using MoA.Tests;

namespace MoA.Search.Tests.Optimization;

public sealed class PlanProblemTests
{
    [Fact]
    public void Loads_an_instance()
    {
        PlanProblem problem = PlanProblem.Load(RepositoryFiles.Fixture("optimum", "h8"));
        (_, float[] losses) = FixtureTensors.Read("accuracy_loss", "optimum", "h8", "instance.safetensors");
        (_, float[] densities) = FixtureTensors.Read("kv_density", "optimum", "h8", "instance.safetensors");
        Assert.Equal((2, 4, 48), (problem.Layers, problem.HeadsPerLayer, problem.Rules.Count));
        Assert.Equal([2048, 4096, 8192], problem.Objectives.Select(objective => objective.Length));
        Assert.Equal([2048, 4096, 8192, 16384], problem.Constraints.Select(constraint => constraint.Length));
        Assert.Equal(losses.Select(loss => (double)loss), problem.Objectives.SelectMany(objective => objective.Losses));
        Assert.Equal(densities.Select(density => (double)density), problem.Constraints.SelectMany(constraint => constraint.Densities));
        Assert.Equal(new ElasticRule(1024, 0.125), problem.Rules[3]);
        Assert.Equal(0.9, problem.DensityFloor);
        Assert.Null(problem.MaxRulesPerLayer);
    }

    [Theory]
    [InlineData("\"layers\": 2", "\"layers\": 3", "12×48")]
    [InlineData("\"layers\": 2", "\"layers\": 0", "0 layers")]
    [InlineData("\"layers\": 2", "\"layers\": \"two\"", "instance.json")]
    [InlineData("\"layers\": 2", "\"strata\": 2", "\"layers\" is missing")]
    [InlineData("[0.5, 0.5, 0.5, 0.5]", "[0.5]", "1 density_bounds")]
    [InlineData("[0.5, 0.5, 0.5, 0.5]", "[0.5, 0.5, 0.5, 7]", "density bound 7")]
    [InlineData("\"lower_ratio\": 0.9", "\"lower_ratio\": 5", "density floor 5")]
    [InlineData("\"lower_ratio\": 0.9", "\"lower_ratio\": -0.9", "density floor -0.9")]
    [InlineData("\"lower_ratio\": 0.9", "\"lower_ratio\": \"0.9\"", "instance.json")]
    [InlineData("\"constraint_lengths\": [2048", "\"constraint_lengths\": [-2048", "length -2048")]
    [InlineData("\"profile_lengths\": [2048", "\"profile_lengths\": [0", "length 0")]
    [InlineData("[1024.0, 0.0], ", "[1024.0], ", "[alpha, beta]")]
    [InlineData("[1024.0, 0.0], ", "", "47")]
    [InlineData("[2048, 4096, 8192],", "[],", "accuracy_loss")]
    [InlineData("{\"layers\"", "{\"layers", "not a plan problem")]
    public void Instances_that_do_not_fit_are_refused(string original, string changed, string says)
    {
        string text = File.ReadAllText(RepositoryFiles.Fixture("optimum", "h8", "instance.json"));
        Assert.Contains(original, text, StringComparison.Ordinal);
        byte[] tensors = File.ReadAllBytes(RepositoryFiles.Fixture("optimum", "h8", "instance.safetensors"));
        string message = RefusalOf(text.Replace(original, changed, StringComparison.Ordinal), tensors);
        Assert.Contains(says, message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0, null, "at most 0 rules")]
    [InlineData(null, 0.0, "density floor 0")]
    [InlineData(null, 1.01, "density floor 1.01")]
    [InlineData(null, double.NaN, "density floor NaN")]
    public void Limits_out_of_range_are_refused(int? maxRules, double? floor, string says)
    {
        PlanProblem problem = PlanProblem.Load(RepositoryFiles.Fixture("optimum", "h8"));
        InvalidInputException failure = Assert.Throws<InvalidInputException>(() => problem.WithLimits(maxRules, floor));
        Assert.Contains(says, failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Densities_in_single_precision_that_stand_for_whole_blocks_are_whole_blocks()
    {
        // Of five blocks 1, 2 and 4; half a block and more is no count of blocks, and stays.
        float[] read = [0.2f, 0.4f, 0.8f];
        PlanProblem problem = new(
            1, 1, [new(64, 0), new(128, 0), new(256, 0)], [new PlanObjective(320, [2, 1, 0])],
            [new DensityConstraint(320, 0.8, [.. read.Select(x => (double)x)]), new DensityConstraint(320, 0.8, [0.2, 0.41, 0.8f])]);
        Assert.Equal([0.2, 0.4, 0.8], problem.Constraints[0].Densities);
        Assert.Equal([0.2, 0.41, 0.8f], problem.Constraints[1].Densities);
        Assert.Equal([2], PlanSolver.Solve(problem, 0).RuleOfHead);
    }

    [Fact]
    public void Damaged_tensor_files_are_refused()
    {
        string text = File.ReadAllText(RepositoryFiles.Fixture("optimum", "h8", "instance.json"));
        byte[] tensors = File.ReadAllBytes(RepositoryFiles.Fixture("optimum", "h8", "instance.safetensors"));
        Assert.Contains("instance.safetensors", RefusalOf(text, []), StringComparison.Ordinal);
        Assert.Contains("instance.safetensors", RefusalOf(text, tensors[..200]), StringComparison.Ordinal);
        Assert.Contains("instance.safetensors", RefusalOf(text, [255, .. tensors[1..7], 255, .. tensors[8..]]), StringComparison.Ordinal);
        byte[] notFinite = (byte[])tensors.Clone();
        BitConverter.TryWriteBytes(notFinite.AsSpan(notFinite.Length - 4), float.NaN);
        Assert.Contains("finite", RefusalOf(text, notFinite), StringComparison.Ordinal);
    }

    [Fact]
    public void A_folder_without_a_problem_is_refused() =>
        Assert.Throws<InvalidInputException>(() => PlanProblem.Load(RepositoryFiles.Fixture("plans")));

    [Fact]
    public void Plan_has_the_rules_of_the_choice()
    {
        PlanProblem problem = PlanProblem.Load(RepositoryFiles.Fixture("optimum", "h8"));
        AttentionPlan plan = problem.ToPlan([0, 1, 2, 3, 4, 5, 6, 7], HeadKind.KeyValue);
        Assert.Equal((2, 4, HeadKind.KeyValue), (plan.Layers, plan.HeadsPerLayer, plan.HeadKind));
        Assert.Equal(problem.Rules[6], plan[1, 2]);
    }

    private static string RefusalOf(string settings, byte[] tensors)
    {
        string folder = Directory.CreateTempSubdirectory("problem").FullName;
        try
        {
            File.WriteAllText(Path.Combine(folder, "instance.json"), settings);
            File.WriteAllBytes(Path.Combine(folder, "instance.safetensors"), tensors);
            string message = Assert.Throws<InvalidInputException>(() => PlanProblem.Load(folder)).Message;
            Assert.DoesNotContain('\n', message);
            return message;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
