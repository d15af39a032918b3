using System.CommandLine;
using System.Text.Json;

namespace MoA.Tests;

/// <summary>A dry run says what the run does, and does nothing.</summary>
public sealed class DryRunTests : IDisposable
{
    // 4 layers of 8 KV heads, a key and a value of 32 numbers in BF16.
    private const int BytesPerToken = 4 * 8 * 2 * 32 * 2;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Every_long_command_has_it()
    {
        string[] without = ["chat", "prefill search", "serve", "devices", "eval compare", "plan show", "plan convert", "model info", "model list", "model tokenize", "completion", "worker", "cluster setup", "cluster status", "cluster drain"];
        foreach ((string[] path, Command command) in CommandTree.Commands)
        {
            if (!without.Contains(string.Join(' ', path)))
                Assert.Contains(command.Options, option => option.Name == "--dry-run");
        }
    }

    [Fact]
    public void Compression_names_every_file_that_it_writes()
    {
        string[] line =
        [
            "compress", "--lengths", "256", "--extend", "512", "--validate-length", "384", "--items", "2", "--validation-items", "2", "--answer-tokens", "16",
            "--retrieval-items", "2", "--max-plans", "2", "--density", "0.75", "--out", _folder["out"],
        ];
        JsonElement said = DryRun(line);
        Assert.Equal(["calibrate", "profile", "optimize", "validate", "evaluate"], said.GetProperty("steps").EnumerateArray().Select(step => step.GetProperty("step").GetString()));
        Assert.True(said.GetProperty("seconds").GetDouble() > 0);
        _ = Invocation.Json(line);
        string[] named = [.. Writes(said).Select(file => file.Split(" (")[0])];
        foreach (string file in Directory.EnumerateFiles(_folder["out"], "*", SearchOption.AllDirectories))
        {
            bool isNamed = named.Any(name => Path.GetDirectoryName(name) == Path.GetDirectoryName(file) &&
                System.IO.Enumeration.FileSystemName.MatchesSimpleExpression(Path.GetFileName(name), Path.GetFileName(file)));
            Assert.True(isNamed || Path.GetFileName(file) == "moa-files.sha256", file);
        }
    }

    [Fact]
    public void Evaluations_name_the_folders_that_they_make()
    {
        string[] line = ["eval", "retrieval", "--lengths", "512", "--items", "1", "--policy", "streaming-llm:density=0.5", "--out", _folder["out"]];
        JsonElement said = DryRun(line);
        // One sequence of up to 512 tokens under the policy that keeps all of it.
        long caches = Part(said, "KV caches");
        Assert.InRange(caches, 384 * BytesPerToken, 512 * BytesPerToken);
        _ = Invocation.Json(line);
        Assert.Equal(
            Directory.GetDirectories(_folder["out"]).Order(StringComparer.Ordinal),
            Writes(said).Select(folder => folder.TrimEnd(Path.DirectorySeparatorChar)).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Benchmarks_write_nothing_and_take_the_caches_of_the_largest_batch()
    {
        JsonElement said = DryRun("bench", "--lengths", "128,448", "--batch", "1,3", "--decode-tokens", "64");
        Assert.Equal(3 * (448 + 64) * BytesPerToken, Part(said, "KV caches"));
        Assert.Equal(4, said.GetProperty("steps").GetArrayLength());
        Assert.Empty(Writes(said));
        Invocation.Of("bench", "--lengths", "8192", "--dry-run").AssertRefused("--lengths 8192", "exceeds the context");
    }

    [Theory]
    [InlineData("model convert --weights q8_0")]
    [InlineData("model random --shape hidden=64,layers=2,heads=2,vocabulary=500 --weights q4_0")]
    public void A_model_file_is_as_long_as_it_was_said(string command)
    {
        string file = _folder["model.gguf"];
        string[] line = [.. command.Split(' '), "--out", file];
        JsonElement said = DryRun(line);
        long bytes = Invocation.Json(line).GetProperty("bytes").GetInt64();
        Assert.Equal(bytes, new FileInfo(file).Length);
        Assert.Equal([FormattableString.Invariant($"{file} ({bytes / 1048576.0:N1} MiB)")], Writes(said));
    }

    [Fact]
    public void Many_prompts_take_their_caches_together()
    {
        string prompts = _folder.Write("prompts.jsonl", "{\"prompt\":\"Once upon a time\",\"maxNewTokens\":300}\n{\"prompt\":\"Once\",\"maxNewTokens\":300}\n");
        JsonElement said = DryRun("generate", "--prompts", prompts, "--template", "off", "--out", _folder["results.jsonl"]);
        Assert.Equal([_folder["results.jsonl"]], Writes(said));
        Assert.Equal(2 * 320 * BytesPerToken, Part(said, "KV caches")); // whole blocks of 64 tokens
        Assert.Contains("2 prompts, 2 side by side", said.GetProperty("steps")[0].GetProperty("note").GetString(), StringComparison.Ordinal);
        Invocation.Of("generate", "hi", "--dry-run").AssertRefused("--dry-run belongs to --prompts");
    }

    /// <summary>
    /// A plan with content inside holds a piece more than its rows, 8 heads of 4 layers of them, and notes a prompt's queries: of each head 32 sums, 32·32 products and a count in
    /// F32 at least. What runs stays below what was said.
    /// </summary>
    [Theory]
    [InlineData("moa:scorer=expected-attention,piece=64", 32 * (32 + 32 * 32) * 4)]
    [InlineData("moa:scorer=keydiff,piece=64", 0)]
    [InlineData("moa:scorer=kvzip", 512 * BytesPerToken)]
    public void Plans_by_content_take_what_they_hold_at_their_peak(string policy, int notes)
    {
        string plan = _folder.Write("plan.json", FormattableString.Invariant($"{{\"alphas\":{Rules(256)},\"betas\":{Rules(0)}}}"));
        string[] line = ["eval", "retrieval", "--lengths", "768", "--items", "1", "--plan", plan, "--policy", policy, "--out", _folder["out"]];
        long said = Part(DryRun(line), "KV caches");
        JsonElement content = Invocation.Json(line).GetProperty("policies").EnumerateArray().Single(row => row.GetProperty("setting").GetString()!.StartsWith(policy, StringComparison.Ordinal));
        long peak = content.GetProperty("peakKvBytes").GetInt64();
        Assert.True(peak >= notes && said >= peak, $"{said} bytes said, {peak} taken");

        string prompts = _folder.Write("prompts.jsonl", $"{{\"prompt\":\"{string.Concat(Enumerable.Repeat("once upon a time ", 120))}\",\"maxNewTokens\":64}}\n");
        string[] many = ["generate", "--prompts", prompts, "--template", "off", "--out", _folder["results.jsonl"], "--plan", plan];
        Assert.True(Part(DryRun([.. many, "--policy", policy]), "KV caches") >= Part(DryRun(many), "KV caches") + notes);
    }

    [Fact]
    public void Compression_by_content_is_estimated_as_such()
    {
        string[] line = ["compress", "--lengths", "256", "--extend", "512", "--validate-length", "384", "--retrieval-items", "2", "--out", _folder["out"]];
        Assert.Equal(["", "", ", plans by content (keydiff)", ", plans by content (keydiff)"], Notes([.. line, "--scorer", "keydiff"]));
        Assert.Equal(["", "", "", ""], Notes(line));

        string[] Notes(string[] of) =>
        [
            .. DryRun(of).GetProperty("steps").EnumerateArray().Select(step => step.GetProperty("note").GetString()!)
                .Where(note => !note.StartsWith("the search ends", StringComparison.Ordinal)).Select(note => note.Contains(", plans", StringComparison.Ordinal) ? note[note.IndexOf(", plans", StringComparison.Ordinal)..] : ""),
        ];
    }

    [Fact]
    public void Steps_and_scores()
    {
        string tokens = string.Join(',', Enumerable.Range(0, 120).Select(i => 1 + i * 7 % 120));
        string data = _folder.Write("items.jsonl", $"{{\"tokens\":[{tokens}],\"answers\":[[100,120]]}}\n");
        _ = Directory.CreateDirectory(_folder["plans"]);
        string rules = $"[{string.Join(',', Enumerable.Repeat("[128,128,128,128,128,128,128,128]", 4))}]";
        File.WriteAllText(_folder["plans", "plan-000.json"], $"{{\"alphas\":{rules},\"betas\":{rules.Replace("128", "0", StringComparison.Ordinal)}}}");
        string[] before = _folder.Names();
        Check(["calibrate", "--lengths", "256", "--items", "2", "--validation-items", "1"], "calibration.jsonl", "validation.jsonl", "journal.jsonl");
        Check(["profile", "--data", data, "--lengths", "128"], "influence-128.safetensors");
        Invocation.Of("profile", "--data", data, "--lengths", "128", "--memory-limit", "1MiB", "--dry-run", "--out", _folder["out"]).AssertRefused("1 MiB is too low");
        Check(["validate", "--plans", _folder["plans"], "--data", data, "--length", "128"], "plan.json", "journal.jsonl");
        Check(["optimize", "--problem", RepositoryFiles.Fixture("optimum", "h8"), "--time-limit", "5", "--export-mps", _folder["out", "a.mps"]],
            "a.mps", "plan-*.json", "moa-files.sha256");
        Assert.Empty(Writes(DryRun("score", "--data", data, "--decode-from", "100")));
        Assert.Equal(before, _folder.Names());

        void Check(string[] line, params string[] files) => Assert.Equal(
            files.Select(file => _folder["out", file]), Writes(DryRun([.. line, "--out", _folder["out"]])));
    }

    [Fact]
    public void As_text_it_has_four_parts()
    {
        Invocation run = Invocation.Of("bench", "--lengths", "128", "--dry-run");
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        foreach (string part in new[] { "memory  ", "time    ", "basis   ", "writes  nothing" })
            Assert.Contains($"\n{part}", $"\n{run.Output}", StringComparison.Ordinal);
    }

    // Checks that nothing was made on the way.
    private JsonElement DryRun(params string[] line)
    {
        string[] before = _folder.Names();
        JsonElement said = Invocation.Json([.. line, "--dry-run"]);
        Assert.Equal(before, _folder.Names());
        Assert.True(said.GetProperty("dryRun").GetBoolean());
        Assert.Equal(said.GetProperty("bytes").GetInt64(), said.GetProperty("memory").EnumerateArray().Sum(part => part.GetProperty("bytes").GetInt64()));
        Assert.NotEqual("", said.GetProperty("basis").GetString());
        return said;
    }

    private static long Part(JsonElement said, string name) => said.GetProperty("memory").EnumerateArray()
        .Single(part => part.GetProperty("part").GetString() == name).GetProperty("bytes").GetInt64();

    private static string Rules(int number) =>
        $"[{string.Join(',', Enumerable.Repeat($"[{string.Join(',', Enumerable.Repeat(number, 8))}]", 4))}]";

    private static string[] Writes(JsonElement said) => [.. said.GetProperty("writes").EnumerateArray().Select(file => file.GetString()!)];
}
