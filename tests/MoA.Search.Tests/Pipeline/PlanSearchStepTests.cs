using MoA.Engine;
using MoA.Engine.Attention;
using MoA.Engine.Configuration;
using MoA.Search.Optimization;
using MoA.Search.Pipeline;
using MoA.Search.Profiling;
using MoA.Search.Tests.Profiling;

namespace MoA.Search.Tests.Pipeline;

public sealed class PlanSearchStepTests : IDisposable
{
    private const string ListName = "moa-files.sha256";

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Plans_of_an_earlier_run_go_and_those_of_the_user_stay()
    {
        string[] users = ["plan-000.json", "plan-mine.json", "plan-draft-2.json", "plan-040.json", "notes.txt"];
        foreach (string name in users)
            File.WriteAllText(PathOf(name), $"the user's {name}");
        Assert.Equal(["plan-001.json", "plan-002.json", "plan-003.json"], Write(3));
        Assert.Equal(["plan-001.json"], Write(1));
        Assert.Equal([.. users.Append("plan-001.json").Order(StringComparer.Ordinal)], Names());
        Assert.All(users, name => Assert.Equal($"the user's {name}", File.ReadAllText(PathOf(name))));
        Assert.Equal(ElasticRule.Dense, PlanFile.Load(PathOf("plan-001.json")).Plan[0, 0]);
    }

    [Fact]
    public void A_plan_that_was_changed_since_is_the_users()
    {
        _ = Write(3);
        string[] edited = ["plan-001.json", "plan-002.json"];
        foreach (string name in edited)
            File.AppendAllText(PathOf(name), "\n");
        byte[][] before = [.. edited.Select(name => File.ReadAllBytes(PathOf(name)))];
        Assert.Equal(["plan-000.json", "plan-003.json"], Write(2));
        Assert.Equal(before, edited.Select(name => File.ReadAllBytes(PathOf(name))));
        // And so it stays: once lost from the list, a file is not taken back.
        Assert.Equal(["plan-000.json"], Write(1));
        Assert.Equal(["plan-000.json", .. edited], Names());
    }

    [Fact]
    public void A_copy_of_a_plan_under_another_name_is_the_users()
    {
        _ = Write(2);
        File.Copy(PathOf("plan-001.json"), PathOf("plan-best.json"));
        _ = Write(1);
        Assert.Equal(["plan-000.json", "plan-best.json"], Names());
    }

    [Fact]
    public void Where_the_new_plans_cannot_be_written_the_old_ones_stand()
    {
        _ = Write(3);
        string[] before = Names();
        // The list cannot be written: a folder has its name.
        File.Delete(PathOf(ListName));
        _ = Directory.CreateDirectory(PathOf(ListName));
        _ = Assert.ThrowsAny<Exception>(() => Write(1));
        Assert.Equal(before, Names());
    }

    [Fact]
    public void A_list_that_names_files_elsewhere_has_no_effect_there()
    {
        string inner = Path.Combine(_folder.Path, "inner");
        _ = Directory.CreateDirectory(inner);
        string outside = PathOf("plan-000.json");
        File.WriteAllText(outside, "");
        string hash = Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData([]));
        File.WriteAllText(Path.Combine(inner, ListName), $"{hash}  ../plan-000.json\n{hash}  {outside}\nnonsense\n");
        _ = PlanSearchStep.WritePlans(Result(1), HeadKind.Query, null, inner);
        Assert.True(File.Exists(outside));
    }

    /// <summary>
    /// Only the layers that look back without limit are searched; bounds and densities are those of the whole model, as
    /// the caches of the plan have it. The windows are of two lengths, and one is longer than the shorter profile length.
    /// </summary>
    [Theory]
    [InlineData(0.65)]
    [InlineData(0.8)]
    public void Layers_with_windows_are_counted_as_they_are_and_get_no_rules(double density)
    {
        ModelConfig config = Config([320, null, 96, null, null]);
        SearchSettings settings = new() { ProfileLengths = [256, 512], ExtensionLengths = [1024], ValidationLength = 512, Density = density, BetaCount = 5 };
        settings.Check(config);
        PlanProblem problem = PlanSearchStep.CreateProblem([.. settings.ProfileLengths.Select(length => Influence(config, length))], config, settings);
        Assert.Equal((3, 2), (problem.Layers, problem.HeadsPerLayer));
        PlanSolution solution = PlanSolver.Solve(problem, 1);
        Assert.True(solution.HasPlan);
        AttentionPlan plan = problem.ToPlan(solution.RuleOfHead, HeadKind.KeyValue);
        Assert.Equal(5, plan.Layers);
        Assert.All(new[] { 0, 2 }, layer => Assert.All(new[] { 0, 1 }, head => Assert.Equal(ElasticRule.Dense, plan[layer, head])));
        for (int i = 0; i < problem.Constraints.Count; i++)
        {
            double actual = new PlanPolicy(plan).Density(config, problem.Constraints[i].Length);
            Assert.Equal(actual, solution.Densities[i], 1e-12);
            Assert.InRange(actual, 0, density * (1 + 1e-6));
        }

        InvalidInputException failure = Assert.Throws<InvalidInputException>(() => (settings with { Density = 0.5 }).Check(config));
        // Of 5 layers at 256 tokens: 1 + 96/256 + 3·128/256.
        Assert.StartsWith("density 0.5 at 256 tokens: every plan keeps at least 0.575 of a cache there", failure.Message, StringComparison.Ordinal);
    }

    /// <summary>1 layer of 4 looks back without limit, 3 hold 64 tokens: at 512 tokens (1 + 3·64/512)/4, at 256 (1 + 3·64/256)/4.</summary>
    [Fact]
    public void A_bound_that_windows_alone_keep_is_remarked_on()
    {
        ModelConfig config = Config([64, 64, 64, null]);
        SearchSettings settings = new() { ProfileLengths = [256, 512], ExtensionLengths = [], ValidationLength = 512, Density = 0.5 };
        Assert.StartsWith("the model's sliding windows leave 0.4375 of a full cache at most", settings.Remark(config), StringComparison.Ordinal);
        Assert.Null((settings with { Density = 0.4 }).Remark(config));
        Assert.Null((settings with { Density = 1 }).Remark(Config([null, null])));
    }

    /// <summary>Where every layer has a window, rules act within it; a window beyond the model's context is none.</summary>
    [Fact]
    public void A_model_of_windows_alone_is_searched_within_them()
    {
        ModelConfig bounded = Config([300, 300]);
        SearchSettings settings = new() { ProfileLengths = [512], ExtensionLengths = [], ValidationLength = 512, Density = 0.4, BetaCount = 5 };
        PlanProblem problem = PlanSearchStep.CreateProblem([Influence(bounded, 512)], bounded, settings);
        Assert.Equal(2, problem.Layers);
        AttentionPlan plan = problem.ToPlan(PlanSolver.Solve(problem, 0).RuleOfHead, HeadKind.KeyValue);
        Assert.InRange(new PlanPolicy(plan).Density(bounded, 512), 0, 0.4);
        Assert.Equal(300 / 512.0, problem.Constraints[0].Densities.Max(), 1e-12);
        ModelConfig unbounded = Config([1 << 20, 1 << 20]);
        Assert.Equal([0, 1], unbounded.UnboundedLayers);
        Assert.Equal(1, PlanSearchStep.CreateProblem([Influence(unbounded, 512)], unbounded, settings).Constraints[0].Densities.Max());
    }

    private static ModelConfig Config(int?[] windows) => new()
    {
        Architecture = ModelFamily.Named("Mistral"),
        HiddenSize = 32,
        LayerDescriptions = [.. windows.Select(window => new LayerDescription { Window = window, FeedForward = new FeedForwardDescription { IntermediateSize = 8 } })],
        QueryHeads = 4,
        KeyValueHeads = 2,
        HeadSize = 8,
        VocabularySize = 16,
        MaxPositions = 2048,
        RmsNormEpsilon = 1e-5,
    };

    private static InfluenceProfile Influence(ModelConfig config, int length)
    {
        Random random = new(length);
        int blocks = length / 64;
        return new InfluenceProfile
        {
            Model = "random",
            Length = length,
            Layers = config.Layers,
            QueryHeads = config.QueryHeads,
            Items = 1,
            MeanLoss = 1,
            Values = [.. Enumerable.Range(0, config.Layers * config.QueryHeads * blocks * blocks).Select(_ => random.NextSingle())],
        };
    }

    private string PathOf(string name) => _folder.File(name);

    private string[] Names() =>
        [.. Directory.EnumerateFiles(_folder.Path).Select(file => Path.GetFileName(file)).Where(name => name != ListName).Order(StringComparer.Ordinal)];

    private string[] Write(int plans) =>
        [.. PlanSearchStep.WritePlans(Result(plans), HeadKind.Query, null, _folder.Path).Select(file => Path.GetFileName(file))];

    private static OptimizationResult Result(int plans)
    {
        PlanProblem problem = new(
            1, 1, [ElasticRule.Dense, new ElasticRule(64, 0)], [new PlanObjective(512, [0, 1])], [new DensityConstraint(512, 1, [1, 0.25])]);
        return new OptimizationResult(
            problem, [], [.. Enumerable.Range(0, plans).Select(loss => new ParetoPlan([0], [loss], [1]))], 1, TimeSpan.Zero);
    }
}
