using MoA.Engine.Attention;
using MoA.Search.Optimization;
using MoA.Search.Pipeline;
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
