using System.Text.Json;

namespace MoA.Tests.Commands;

/// <summary>The search on the demo model with tiny settings: the whole of it, its steps one by one, and interrupted runs.</summary>
public sealed class SearchCommandTests(SearchCommandTests.WholeRun whole) : IClassFixture<SearchCommandTests.WholeRun>
{
    private static readonly string[] Settings =
    [
        "--lengths", "256,512", "--validate-length", "768", "--items", "2", "--validation-items", "2",
    ];

    private static readonly string[] Search = ["--lengths", "256,512", "--extend", "1024", "--validate-length", "768", "--density", "0.6"];

    [Fact]
    public void Compress_prints_its_report_and_writes_it()
    {
        JsonElement report = whole.Result.Document();
        using JsonDocument written = JsonDocument.Parse(File.ReadAllBytes(whole.Folder["out", "report.json"]));
        Assert.Equal(written.RootElement.GetRawText(), report.GetRawText());
        foreach (string part in new[] { "calibration", "objectives", "plans", "plan", "validation", "retrieval", "influence", "commands" })
            Assert.True(report.TryGetProperty(part, out _), part);
        Assert.Equal(["dense", "moa", "uniform"], report.GetProperty("retrieval").EnumerateArray().Select(row => row.GetProperty("policy").GetString()));
        Assert.StartsWith("<!", File.ReadAllText(whole.Folder["out", "report.html"]).TrimStart(), StringComparison.Ordinal);
        JsonElement plan = Invocation.Json("plan", "show", whole.Folder["out", "plan.json"]);
        Assert.Equal((4, 8, "keyValue"), (plan.GetProperty("layers").GetInt32(), plan.GetProperty("headsPerLayer").GetInt32(),
            plan.GetProperty("headKind").GetString()));
        Assert.Equal([256, 512, 1024], plan.GetProperty("lengths").EnumerateArray().Select(length => length.GetProperty("length").GetInt32()));
        foreach (JsonElement length in plan.GetProperty("lengths").EnumerateArray())
            Assert.InRange(length.GetProperty("storedDensity").GetDouble(), 0.1, 0.6 + 1e-6);
    }

    [Fact]
    public void The_steps_one_by_one_end_with_the_same_plan()
    {
        using TemporaryFolder folder = new();
        JsonElement calibrated = Invocation.Json(["calibrate", .. Settings, "--out", folder["a"]]);
        string data = calibrated.GetProperty("calibration").GetString()!, unseen = calibrated.GetProperty("validation").GetString()!;
        Assert.Equal(6, calibrated.GetProperty("items").EnumerateArray().Sum(row => row.GetProperty("items").GetInt32()));
        JsonElement profiled = Invocation.Json("profile", "--data", data, "--lengths", "256,512", "--out", folder["b"]);
        foreach (JsonElement length in profiled.GetProperty("lengths").EnumerateArray())
        {
            Assert.Equal(2, length.GetProperty("items").GetInt32());
            Assert.True(length.GetProperty("meanLoss").GetDouble() > 0);
            Assert.Equal(folder["b", $"influence-{length.GetProperty("length")}.safetensors"], length.GetProperty("file").GetString());
        }

        JsonElement optimized = Invocation.Json(["optimize", "--profile", folder["b"], .. Search, "--out", folder["c"]]);
        JsonElement validated = Invocation.Json("validate", "--plans", folder["c"], "--data", unseen, "--length", "768", "--out", folder["d"]);
        string[] files = [.. optimized.GetProperty("plans").EnumerateArray().Select(plan => Path.GetFileName(plan.GetProperty("file").GetString()!))];
        Assert.Equal(["dense", .. files, "uniform"], validated.GetProperty("policies").EnumerateArray().Select(policy => policy.GetProperty("name").GetString()!));
        Assert.Equal((768, 2), (validated.GetProperty("length").GetInt32(), validated.GetProperty("items").GetInt32()));
        JsonElement best = validated.GetProperty("policies").EnumerateArray().Skip(1).SkipLast(1).MinBy(policy => policy.GetProperty("meanLoss").GetDouble());
        Assert.Equal(best.GetProperty("name").GetString(), validated.GetProperty("chosen").GetString());
        Assert.Equal(File.ReadAllBytes(whole.Folder["out", "plan.json"]), File.ReadAllBytes(validated.GetProperty("plan").GetString()!));

        JsonElement retrieval = Invocation.Json(
            "eval", "retrieval", "--plan", folder["d", "plan.json"], "--lengths", "512", "--items", "2", "--out", folder["e"]);
        Assert.Equal("retrieval", retrieval.GetProperty("task").GetString());
        JsonElement[] rows = [.. retrieval.GetProperty("policies").EnumerateArray()];
        Assert.Equal(["dense", "moa", "streaming-llm"], rows.Select(row => row.GetProperty("policy").GetString()));
        Assert.All(rows, row => Assert.Equal((512, 2), (row.GetProperty("length").GetInt32(), row.GetProperty("items").GetInt32())));
        Assert.True(rows[1].GetProperty("kvBytes").GetInt64() < rows[0].GetProperty("kvBytes").GetInt64());
        Assert.Equal(1.0, rows[0].GetProperty("density").GetDouble());
        Assert.InRange(rows[0].GetProperty("accuracy").GetDouble(), 0, 1);
    }

    [Fact]
    public void A_run_killed_again_and_again_ends_with_the_same_plan()
    {
        using TemporaryFolder folder = new();
        Random random = new(7);
        for (int i = 0; i < 6; i++)
        {
            using ChildProcess child = ChildProcess.Start(WholeRun.Arguments(folder["out"]));
            Thread.Sleep(random.Next(200, 1800));
            child.Signal(ChildProcess.Kill);
            _ = child.WaitForEnd();
        }

        AssertSameResult(folder["out"]);
    }

    [Fact]
    public void An_interrupted_run_says_so_and_goes_on_where_it_stopped()
    {
        using TemporaryFolder folder = new();
        using (ChildProcess child = ChildProcess.Start(WholeRun.Arguments(folder["out"], "--retrieval-items", "200")))
        {
            Assert.NotNull(child.WaitForLine("profile: 512"));
            child.Signal(ChildProcess.Interrupt);
            Invocation ended = child.WaitForEnd();
            Assert.Equal((130, ""), (ended.ExitCode, ended.Output));
            Assert.EndsWith("run the same command again to go on\n", ended.Error, StringComparison.Ordinal);
        }

        Assert.False(File.Exists(folder["out", "plan.json"]));
        Assert.True(File.Exists(folder["out", "influence-256.safetensors"]));
        AssertSameResult(folder["out"]);
    }

    private void AssertSameResult(string folder)
    {
        Invocation resumed = Invocation.Of(WholeRun.Arguments(folder));
        Assert.True(resumed.ExitCode == 0, resumed.Error);
        Assert.Equal(File.ReadAllBytes(whole.Folder["out", "plan.json"]), File.ReadAllBytes(Path.Combine(folder, "plan.json")));
        JsonElement expected = whole.Result.Document(), report = resumed.Document();
        foreach (string part in new[] { "plans", "plan", "validation", "retrieval", "influence", "calibration" })
            Assert.Equal(expected.GetProperty(part).GetRawText(), report.GetProperty(part).GetRawText());
        Assert.Empty(Directory.EnumerateFiles(folder, "*.tmp", SearchOption.AllDirectories).Concat(Directory.EnumerateFiles(folder, "*partial*")));
    }

    /// <summary>A run that nothing interrupted.</summary>
    public sealed class WholeRun : IDisposable
    {
        public WholeRun()
        {
            Result = Invocation.Of(Arguments(Folder["out"]));
            Assert.True(Result.ExitCode == 0, Result.Error);
        }

        internal TemporaryFolder Folder { get; } = new();

        internal Invocation Result { get; }

        public static string[] Arguments(string folder, params string[] more) =>
        [
            "compress", .. Search, "--items", "2", "--validation-items", "2", "--retrieval-lengths", "512", "--out", folder, "--json",
            .. more.Length > 0 ? more : ["--retrieval-items", "2"],
        ];

        public void Dispose() => Folder.Dispose();
    }
}
