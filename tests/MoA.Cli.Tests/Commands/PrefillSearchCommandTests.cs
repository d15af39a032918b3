using System.Text.Json;

namespace MoA.Tests.Commands;

/// <summary>What <c>moa prefill search</c> writes, and what runs it; prefill policies on the command line.</summary>
public sealed class PrefillSearchCommandTests : IDisposable
{
    private static readonly string Model = RepositoryFiles.Fixture("models", "llama-mha");

    private readonly TemporaryFolder _folder = new();

    [Fact]
    public void What_is_found_runs_and_says_how_much_it_kept()
    {
        string data = _folder["data.jsonl"], patterns = _folder["patterns+1.json"];
        File.WriteAllText(data, $"{{\"tokens\":[{string.Join(',', Enumerable.Range(0, 300).Select(i => 5 + i * 7 % 90))}],\"answers\":[[10,20]]}}");
        JsonElement found = Invocation.Json("prefill", "search", "--model", Model, "--data", data, "--length", "256", "--scale", "0.05", "--out", patterns);
        Assert.Equal((1, 256), (found.GetProperty("texts").GetInt32(), found.GetProperty("tokens").GetInt32()));
        string policy = $"{found.GetProperty("policy").GetString()},vertical=1";
        Invocation.Of("bench", "--model", Model, "--policy", policy, "--lengths", "64", "--quiet").AssertRefused("'vertical' is no setting of minference beside the others given");
        policy = policy[..policy.LastIndexOf(",vertical", StringComparison.Ordinal)];
        JsonElement row = Invocation.Json(
            "bench", "--model", Model, "--policy", $"h2o:density=0.5+{policy}", "--lengths", "256", "--decode-tokens", "1", "--repeat", "1", "--profile", "--quiet")
            .GetProperty("rows")[0];
        Assert.Equal("h2o+minference", row.GetProperty("policy").GetString());
        Assert.Equal("density=0.5", row.GetProperty("settings").GetString());
        Assert.Equal(policy, row.GetProperty("prefill").GetString());
        Assert.InRange(row.GetProperty("prefillKeptShare").GetDouble(), 0.1, 1);
        Assert.Contains(
            row.GetProperty("prefillProfile").GetProperty("operations").EnumerateArray(), operation => operation.GetProperty("operation").GetString() == "selection");
    }

    [Theory]
    [InlineData("--piece 100", "--piece 100: expected a multiple of 64")]
    [InlineData("--piece 1024", "--piece 1024: a pass reads at most 512 tokens")]
    [InlineData("--scale 0", "--scale 0: expected a number above 0")]
    [InlineData("--length 1", "--length 1: expected 2 to")]
    [InlineData("--items 0", "--items 0: expected at least 1")]
    [InlineData("--data nowhere.jsonl", "nowhere.jsonl")]
    public void Bad_options_are_refused(string options, string words)
    {
        string data = _folder["data.jsonl"];
        File.WriteAllText(data, "{\"tokens\":[5,6,7],\"answers\":[[1,2]]}");
        string[] given = options.Split(' ');
        Invocation.Of(["prefill", "search", "--model", Model, "--out", _folder["x.json"], .. given[0] == "--data" ? given : ["--data", data, .. given]]).AssertRefused(words);
    }

    public void Dispose() => _folder.Dispose();
}
