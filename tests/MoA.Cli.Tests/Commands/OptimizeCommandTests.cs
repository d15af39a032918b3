using System.Text.Json;

namespace MoA.Tests.Commands;

public sealed class OptimizeCommandTests
{
    private static readonly string Instance = RepositoryFiles.Fixture("optimum", "h8");

    [Fact]
    public void A_model_may_be_a_gguf_file()
    {
        using TemporaryFolder folder = new();
        string tokens = string.Join(',', Enumerable.Range(0, 120).Select(i => 1 + i * 7 % 120));
        string data = folder.Write("items.jsonl", $"{{\"tokens\":[{tokens}],\"answers\":[[100,120]]}}\n"), file = folder["model.gguf"];
        _ = Invocation.Json("model", "convert", "--model", RepositoryFiles.Fixture("models", "llama-mha"), "--out", file);
        _ = Invocation.Json("profile", "--model", file, "--data", data, "--lengths", "128", "--out", folder["influence"]);
        JsonElement result = Invocation.Json(
            "optimize", "--model", file, "--profile", folder["influence"], "--lengths", "128", "--extend", "256", "--validate-length", "192", "--density", "1",
            "--out", folder["plans"]);
        Assert.NotEmpty(result.GetProperty("plans").EnumerateArray());
    }

    [Fact]
    public void Optima_are_the_expected_ones_and_plans_keep_their_bounds()
    {
        using TemporaryFolder folder = new();
        JsonElement result = Invocation.Json(
            "optimize", "--problem", Instance, "--max-rules-per-layer", "2", "--out", folder["plans"]);
        using JsonDocument expected = Read("expected.json"), instance = Read("instance.json");
        JsonElement root = instance.RootElement;
        Assert.Equal(root.GetProperty("rules").GetArrayLength(), result.GetProperty("rules").GetInt32());
        JsonElement[] objectives = [.. result.GetProperty("objectives").EnumerateArray()];
        JsonElement[] optima = [.. expected.RootElement.GetProperty("single_objective").EnumerateArray().Where(
            optimum => optimum.GetProperty("K") is { ValueKind: JsonValueKind.Number } limit && limit.GetInt32() == 2)];
        Assert.Equal(optima.Length, objectives.Length);
        for (int i = 0; i < optima.Length; i++)
        {
            double loss = objectives[i].GetProperty("loss").GetDouble(), bound = objectives[i].GetProperty("lowerBound").GetDouble();
            Assert.Equal(root.GetProperty("profile_lengths")[i].GetInt32(), objectives[i].GetProperty("length").GetInt32());
            Assert.InRange(loss, optima[i].GetProperty("lower_bound").GetDouble() * (1 - 1e-6), optima[i].GetProperty("value").GetDouble() * 1.001);
            Assert.InRange(bound, 0, loss * (1 + 1e-9));
            Assert.Equal((loss - bound) / loss, objectives[i].GetProperty("relativeGap").GetDouble(), 1e-6);
        }

        string[] lengths = [.. root.GetProperty("constraint_lengths").EnumerateArray().Select(length => length.GetRawText())];
        double[] bounds = [.. root.GetProperty("density_bounds").EnumerateArray().Select(bound => bound.GetDouble())];
        foreach (JsonElement plan in result.GetProperty("plans").EnumerateArray())
        {
            Assert.Equal(objectives.Select(objective => objective.GetProperty("length").GetRawText()), Names(plan, "losses"));
            Assert.Equal(lengths, Names(plan, "densities"));
            foreach ((string length, double bound) in lengths.Zip(bounds))
                Assert.InRange(plan.GetProperty("densities").GetProperty(length).GetDouble(), 0, bound * (1 + 1e-6));
            Assert.Equal(
                root.GetProperty("heads").GetInt32(),
                Invocation.Json("plan", "show", plan.GetProperty("file").GetString()!).GetProperty("headsPerLayer").GetInt32());
        }

        Assert.True(result.GetProperty("seconds").GetDouble() > 0);

        static IEnumerable<string> Names(JsonElement plan, string member) =>
            plan.GetProperty(member).EnumerateObject().Select(entry => entry.Name);
    }

    [Fact]
    public void A_bound_that_no_plan_keeps_is_named_with_what_would_do()
    {
        using TemporaryFolder folder = new();
        string problem = folder["problem"];
        _ = Directory.CreateDirectory(problem);
        File.Copy(Path.Combine(Instance, "instance.safetensors"), folder["problem", "instance.safetensors"]);
        using JsonDocument instance = Read("instance.json");
        string bounds = instance.RootElement.GetProperty("density_bounds").GetRawText();
        File.WriteAllText(
            folder["problem", "instance.json"],
            instance.RootElement.GetRawText().Replace(bounds, bounds.Replace("0.5", "0.001", StringComparison.Ordinal), StringComparison.Ordinal));
        Invocation.Of("optimize", "--problem", problem, "--out", folder["plans"], "--quiet")
            .AssertRefused("0.001", "nearest density", instance.RootElement.GetProperty("constraint_lengths")[0].GetRawText());
        Assert.False(Directory.Exists(folder["plans"]) && Directory.EnumerateFiles(folder["plans"]).Any());
    }

    [Fact]
    public void A_time_limit_still_gives_plans_with_proven_gaps()
    {
        using TemporaryFolder folder = new();
        JsonElement result = Invocation.Json(
            "optimize", "--problem", RepositoryFiles.Fixture("optimum", "h256"), "--max-rules-per-layer", "3", "--time-limit", "0.2", "--out", folder["plans"]);
        Assert.NotEqual(0, result.GetProperty("plans").GetArrayLength());
        foreach (JsonElement objective in result.GetProperty("objectives").EnumerateArray())
        {
            double loss = objective.GetProperty("loss").GetDouble(), bound = objective.GetProperty("lowerBound").GetDouble();
            Assert.InRange(bound, 0, loss);
            Assert.Equal((loss - bound) / loss, objective.GetProperty("relativeGap").GetDouble(), 1e-9);
        }

        foreach (JsonElement plan in result.GetProperty("plans").EnumerateArray())
            Assert.All(plan.GetProperty("densities").EnumerateObject(), density => Assert.InRange(density.Value.GetDouble(), 0.45 * (1 - 1e-6), 0.5 * (1 + 1e-6)));
        Invocation.Of("optimize", "--problem", Instance, "--time-limit", "0").AssertRefused("--time-limit 0", "above 0");
    }

    [Theory]
    [InlineData(2048)]
    [InlineData(8192)]
    public void The_integer_programme_minimises_the_loss_at_the_asked_length(int length)
    {
        using TemporaryFolder folder = new();
        string file = folder["plan.mps"];
        _ = Invocation.Json(
            "optimize", "--problem", Instance, "--export-mps", file, "--export-length", $"{length}", "--time-limit", "1", "--out", folder["plans"]);
        string[] lines = File.ReadAllLines(file);
        Assert.Equal($" N loss_{length}", lines.First(line => line.StartsWith(" N ", StringComparison.Ordinal)));
        Assert.Equal("ENDATA", lines[^1]);
        Invocation.Of("optimize", "--problem", Instance, "--export-mps", folder["other.mps"], "--export-length", "4095", "--quiet")
            .AssertRefused("--export-length 4095", "2048, 4096, 8192");
        Assert.False(File.Exists(folder["other.mps"]));
    }

    // Rows are at least two blocks: 128, which is half of 256 tokens, where blocks have 64, and 32 where they have 16.
    [Theory]
    [InlineData("0.3", "0.5", 128, "optimize", "--profile", "none", "--block", "64")]
    [InlineData("0.3", "0.5", 128, "compress", "--block", "64")]
    [InlineData("0.1", "0.125", 32, "compress")]
    public void A_density_that_no_rule_meets_is_refused_before_any_work(string density, string least, int floor, params string[] command)
    {
        using TemporaryFolder folder = new();
        Invocation.Of([.. command, "--lengths", "256,512", "--extend", "1024", "--validate-length", "768", "--density", density, "--out", folder["out"]])
            .AssertRefused($"density {density}", "256 tokens", $"{least} of a cache", $"--density-at 256={least}", $"--floor-tokens {floor}");
        Assert.Empty(folder.Names());
    }

    private static JsonDocument Read(string name) => JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Instance, name)));
}
