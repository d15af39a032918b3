using System.Text.Json;

namespace MoA.Tests.Commands;

public sealed class EvalCommandTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>A hidden question changes what policies keep, is said beside the task, and readings of a prompt are counted.</summary>
    [Fact]
    public void Questions_may_be_hidden_and_readings_are_counted()
    {
        string[] args = ["eval", "retrieval", "--lengths", "256", "--items", "3", "--policy", "kvzip:density=0.5", "--policy", "h2o:density=0.5", "--question", "hidden", "--out", _folder["h"]];
        JsonElement[] results = [.. Invocation.Json(args).GetProperty("policies").EnumerateArray()];
        Assert.Equal(["dense", "kvzip", "h2o"], results.Select(result => result.GetProperty("policy").GetString()));
        Assert.All(results, result => Assert.Equal("hidden", result.GetProperty("dataset").GetString()));
        Assert.Equal([1, 2, 1], results.Select(result => result.GetProperty("promptReadings").GetInt32()));
        Invocation shown = Invocation.Of([.. args, "--quiet"]);
        string[] lines = shown.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(3, lines.Length);
        Assert.All(lines, line => Assert.StartsWith("retrieval hidden at    256  ", line, StringComparison.Ordinal));
        Assert.Contains("prompt read twice", lines[1], StringComparison.Ordinal);
        Assert.DoesNotContain("prompt read twice", lines[2], StringComparison.Ordinal);
        File.WriteAllText(_folder["data.json"], """
            [{"_id":"1","difficulty":"easy","length":"short","question":"q","choice_A":"a","choice_B":"b","choice_C":"c","choice_D":"d","answer":"A","context":"t"}]
            """);
        Assert.StartsWith("longbench2 hidden at ", Invocation.Of(
            "eval", "longbench2", "--data", _folder["data.json"], "--question", "hidden", "--out", _folder["h"], "--quiet").Output, StringComparison.Ordinal);
        Invocation.Of("eval", "retrieval", "--question", "asked", "--out", _folder["h"]).AssertRefused("--question asked", "shown", "hidden");
    }

    [Fact]
    public void Policies_run_at_densities_and_results_are_scored_again_and_compared()
    {
        string[] args = ["eval", "retrieval", "--lengths", "256,384", "--items", "3", "--policy", "streaming-llm", "--densities", "0.50,0.75", "--out", _folder["r"]];
        JsonElement first = Invocation.Json(args);
        JsonElement[] rows = [.. first.GetProperty("policies").EnumerateArray()];
        string[] settings = ["dense", "streaming-llm:density=0.5", "streaming-llm:density=0.75"];
        Assert.Equal([.. settings, .. settings], rows.Select(row => row.GetProperty("setting").GetString()!));
        Assert.Equal([256, 256, 256, 384, 384, 384], rows.Select(row => row.GetProperty("length").GetInt32()));
        Assert.Equal(6, Directory.GetDirectories(_folder["r"]).Length);

        Assert.Equal(first.ToString(), Invocation.Json(args).ToString());
        JsonElement again = Invocation.Json("eval", "retrieval", "--score-only", "--out", _folder["r"]);
        Assert.Equal(
            rows.Select(row => row.GetProperty("accuracy").GetDouble()).Order(),
            again.GetProperty("policies").EnumerateArray().Select(row => row.GetProperty("accuracy").GetDouble()).Order());

        JsonElement compared = Invocation.Json("eval", "compare", _folder["r"], "--page", _folder["page.html"]);
        Assert.Equal(6, compared.GetProperty("results").GetArrayLength());
        Assert.Equal(3, compared.GetProperty("effective").GetArrayLength());
        Assert.Contains("streaming-llm:density=0.75", File.ReadAllText(_folder["page.html"]), StringComparison.Ordinal);
        Invocation text = Invocation.Of("eval", "compare", _folder["r"], "--page", _folder["page.html"], "--quiet");
        Assert.Contains("effective context (retrieval) dense:", text.Output, StringComparison.Ordinal);

        // Without a name the page goes to the results; a file that is none stays what it is.
        string page = Path.Combine(_folder["r"], "compare.html");
        Assert.Equal(page, Invocation.Json("eval", "compare", _folder["r"]).GetProperty("page").GetString());
        Assert.Equal(page, Invocation.Json("eval", "compare", _folder["r"]).GetProperty("page").GetString());
        File.WriteAllText(page, "<p>mine</p>");
        Invocation.Of("eval", "compare", _folder["r"]).AssertRefused(page, "--page");
        Assert.Equal("<p>mine</p>", File.ReadAllText(page));
    }

    [Fact]
    public void All_policies_run_at_the_densities_given()
    {
        string scores = _folder.Write("scores.tsv", string.Concat(Enumerable.Repeat("8 7 6 5 4 3 2 1\n", 4)));
        string[] chosen = ["streaming-llm", "h2o", "tova", "snapkv", "pyramidkv", "keydiff", "expected-attention", "kvzip", "adakv", "infllm"];
        string[] names = [.. chosen, "duo-attention", "razor-attention"];
        JsonElement results = Invocation.Json(
            "eval", "perplexity", "--lengths", "384", "--items", "1", "--policy", $"all:scores={scores}", "--densities", "0.5,0.75", "--out", _folder["all"]);
        Assert.Equal(
            names.SelectMany(name => Enumerable.Repeat(name, 2)).Prepend("dense"),
            results.GetProperty("policies").EnumerateArray().Select(row => row.GetProperty("policy").GetString()!));
        Assert.Equal(1 + 2 * names.Length, Directory.GetDirectories(_folder["all"]).Length);

        results = Invocation.Json("eval", "needle", "--lengths", "256", "--depths", "1", "--policy", "all", "--out", _folder["default"]);
        Assert.Equal(
            chosen.SelectMany(name => new[] { "0.25", "0.5", "0.75" }.Select(density => $"{name}:density={density}")).Prepend("dense"),
            results.GetProperty("policies").EnumerateArray().Select(row => row.GetProperty("setting").GetString()!));
    }

    [Fact]
    public void Needles_and_perplexity_run()
    {
        JsonElement needle = Invocation.Json("eval", "needle", "--lengths", "256", "--depths", "2", "--out", _folder["n"]);
        Assert.Equal(2, Assert.Single(needle.GetProperty("policies").EnumerateArray()).GetProperty("items").GetInt32());
        JsonElement perplexity = Invocation.Json("eval", "perplexity", "--lengths", "256", "--items", "2", "--through", "prefill", "--out", _folder["p"]);
        JsonElement row = Assert.Single(perplexity.GetProperty("policies").EnumerateArray());
        Assert.InRange(row.GetProperty("perplexity").GetDouble(), 1, 5);
        Assert.False(row.TryGetProperty("accuracy", out _));
    }

    [Fact]
    public void Published_files_run()
    {
        _ = _folder.Write("hotpotqa.jsonl", """{"input":"Who?","context":"It was Ann.","answers":["Ann"],"length":3,"all_classes":null}""");
        _ = _folder.Write("factrecall_en_16k.jsonl", """{"input":"Who?","context":"It was Ann.","answers":["Ann"],"length":3}""");
        _ = _folder.Write("alpaca_eval.json", """[{"instruction":"Say hi.","output":"Hi.","dataset":"d"}]""");
        foreach (string[] args in new string[][] { ["longbench"], ["lveval"], ["alpaca", "--max-new-tokens", "4"] })
        {
            JsonElement results = Invocation.Json(["eval", .. args, "--data", _folder.Path, "--out", _folder["out"]]);
            Assert.Equal(1, Assert.Single(results.GetProperty("policies").EnumerateArray()).GetProperty("items").GetInt32());
        }

        Assert.Single(Directory.GetFiles(_folder["out"], "model_outputs.json", SearchOption.AllDirectories));
    }

    /// <summary>LongBench's pred.py: min_length of one more than the prompt forbids both end tokens, the model's and the line feed, as the first.</summary>
    [Theory]
    [InlineData("newline-first")]
    [InlineData("end-first")]
    public void Samsums_answers_begin_with_no_end(string model)
    {
        string fixture = RepositoryFiles.Fixture("samsum", model);
        JsonElement results = Invocation.Json("eval", "longbench", "--model", fixture, "--data", RepositoryFiles.Fixture("samsum", "data"), "--datasets", "samsum", "--out", _folder["s"]);
        Assert.Equal(1, Assert.Single(results.GetProperty("policies").EnumerateArray()).GetProperty("accuracy").GetDouble(), 6);
        string predictions = File.ReadAllText(Assert.Single(Directory.GetFiles(_folder["s"], "predictions.jsonl", SearchOption.AllDirectories)));
        Assert.Contains("\"pred\":\"a", predictions, StringComparison.Ordinal);
    }

    [Fact]
    public void A_judge_that_cannot_be_asked_is_refused_before_the_model_answers()
    {
        string data = _folder.Write("alpaca_eval.json", """[{"instruction":"Say hi.","dataset":"d"}]""");
        string[] args = ["eval", "alpaca", "--data", data, "--max-new-tokens", "4", "--out", _folder["out"], "--quiet", "--judge", "http://127.0.0.1:9/v1"];
        Invocation.Of(args).AssertRefused("--judge-model");
        Invocation.Of([.. args, "--judge-model", "j", "--judge-timeout", "0"]).AssertRefused("--judge-timeout 0");
        Invocation.Of([.. args, "--judge-model", "j"]).AssertRefused("reference \"output\"");
        Invocation.Of([.. args[..^1], "judge", "--judge-model", "j"]).AssertRefused("--judge judge");
        Assert.False(Directory.Exists(_folder["out"]));
    }

    [Theory]
    [InlineData("longbench --data {none}", "no such file or folder")]
    [InlineData("longbench --data {empty}", "narrativeqa.jsonl", "THUDM/LongBench", "--data")]
    [InlineData("longbench --datasets squad", "--datasets squad")]
    [InlineData("lveval --data {empty} --levels 8k", "--levels 8k")]
    [InlineData("lveval --data {empty}", "hotpotwikiqa_mixup_16k.jsonl")]
    [InlineData("alpaca --data {empty}", "alpaca_eval_gpt4_baseline.json")]
    [InlineData("needle --needle x --lengths 256", "--question")]
    [InlineData("needle --depths 0", "--depths 0")]
    [InlineData("needle --lengths 256 --haystack {none}", "--haystack")]
    [InlineData("needle --lengths 256 --needle x --question y --answer {space}", "all of --needle, --question and --answer")]
    [InlineData("perplexity --data {none}", "there is no such file")]
    [InlineData("perplexity --lengths 256 --items 1 --through both", "--through both")]
    [InlineData("retrieval --lengths 8192", "context is 4096")]
    [InlineData("retrieval --policy streaming-llm --densities 2", "--densities 2")]
    [InlineData("retrieval --policy none", "there is no policy 'none'")]
    [InlineData("retrieval --policy all:kernel=3", "'kernel' is no setting of all")]
    [InlineData("retrieval --policy all --densities 0.5,2", "--densities 0.5,2")]
    [InlineData("retrieval --score-only", "has no results of retrieval")]
    [InlineData("longbench --max-length 9000 --data {empty}", "--max-length 9000")]
    [InlineData("recital --lengths 64", "the length 64 is too short for a recital")]
    [InlineData("recital --lengths 8192", "context is 4096")]
    public void Bad_input_is_one_line(string command, params string[] words)
    {
        _ = Directory.CreateDirectory(_folder["empty"]);
        string[] args = [.. command.Split(' ').Select(word => word
            .Replace("{space}", "", StringComparison.Ordinal).Replace("{none}", _folder["none"], StringComparison.Ordinal).Replace("{empty}", _folder["empty"], StringComparison.Ordinal))];
        Invocation.Of(["eval", .. args, "--quiet", "--out", _folder["out"]]).AssertRefused(words);
        Assert.False(Directory.Exists(_folder["out"]));
    }

    [Theory]
    [InlineData("h2o")]
    [InlineData("snapkv")]
    [InlineData("pyramidkv")]
    [InlineData("infllm")]
    public void A_model_with_windows_and_a_policy_that_needs_all_attention_are_refused_before_dense_is_measured(string policy)
    {
        string data = _folder.Write("items.jsonl", """{"tokens":[1,2,3,4],"answers":[[2,4]]}""");
        string model = RepositoryFiles.Fixture("models", "mistral");
        string[] words = [$"policy {policy}", "every layer", "window of 48 tokens", "streaming-llm or a plan"];
        Invocation.Of("eval", "perplexity", "--model", model, "--data", data, "--policy", $"{policy}:density=0.5", "--out", _folder["out"], "--quiet")
            .AssertRefused(words);
        Invocation.Of("score", "--model", model, "--data", data, "--policy", $"{policy}:density=0.5").AssertRefused(words);
        Assert.False(Directory.Exists(_folder["out"]));
        JsonElement all = Invocation.Json("eval", "perplexity", "--model", model, "--data", data, "--policy", "all:density=0.5", "--out", _folder["out"]);
        Assert.Equal(["dense", "streaming-llm"], all.GetProperty("policies").EnumerateArray().Select(row => row.GetProperty("policy").GetString()!));
    }

    [Fact]
    public void Comparing_what_is_no_result_is_refused()
    {
        Invocation.Of("eval", "compare", _folder["none"]).AssertRefused("no such folder");
        Invocation.Of("eval", "compare").AssertRefused("compare --help");
    }
}
