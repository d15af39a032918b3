namespace MoA.Tests;

/// <summary>Files and folders that cannot be used are refused in one line that names them.</summary>
public sealed class BadInputTests : IDisposable
{
    private const string Item = """{"tokens":[1,2,3,4],"answers":[[2,4]]}""";

    private static readonly string Model = RepositoryFiles.Fixture("models", "llama-mha");

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("\n", ":2: ", "empty")]
    [InlineData("{\"tokens\":[1,2\n", ":2: ", "JSON")]
    [InlineData("[1,2]\n", ":2: ")]
    [InlineData("{\"words\":[1,2]}\n", ":2: ", "messages")]
    [InlineData("{\"tokens\":[1,500],\"answers\":[[1,2]]}\n", ":2: ", "token 500", "vocabulary of 128")]
    [InlineData("{\"tokens\":[1],\"answers\":[[0,1]]}\n", ":2: ")]
    public void A_bad_line_is_named_by_its_number(string line, params string[] words)
    {
        string data = _folder.Write("items.jsonl", $"{Item}\n{line}{Item}\n"), place = data + words[0];
        Invocation.Of("score", "--model", Model, "--data", data).AssertRefused([place, .. words]);
        Invocation.Of("profile", "--model", Model, "--data", data, "--lengths", "64", "--out", _folder["out"]).AssertRefused([place, .. words]);
        Assert.False(Directory.Exists(_folder["out"]));
    }

    [Fact]
    public void An_empty_a_missing_and_an_unreadable_data_file()
    {
        string empty = _folder.Write("empty.jsonl", "");
        Invocation.Of("score", "--model", Model, "--data", empty).AssertRefused(empty, "empty");
        Invocation.Of("score", "--model", Model, "--data", _folder["none.jsonl"]).AssertRefused(_folder["none.jsonl"], "there is no such file");
        Invocation.Of("score", "--model", Model, "--data", _folder.Path).AssertRefused(_folder.Path, "is a folder; expected a file");
        Invocation.Of("model", "tokenize", "--data", empty).AssertRefused(empty, "empty");
        Invocation.Of("calibrate", "--data", empty, "--out", _folder["out"]).AssertRefused(empty, "empty");
        Invocation.Of("generate", "--prompt-file", _folder["none.txt"]).AssertRefused(_folder["none.txt"], "there is no such file", "--prompt-file");
    }

    [Fact]
    public void Items_longer_than_the_context()
    {
        string data = _folder.Write("items.jsonl", $"{{\"tokens\":[{string.Join(',', Enumerable.Repeat(3, 5000))}],\"answers\":[[4000,5000]]}}\n");
        _ = Directory.CreateDirectory(_folder["plans"]);
        File.WriteAllText(_folder["plans", "plan-000.json"], Plan(4, 8));
        Invocation.Of("score", "--data", data).AssertRefused($"{data}:1", "context of 4096");
        Invocation.Of("validate", "--plans", _folder["plans"], "--data", data, "--length", "4096", "--out", _folder["out"])
            .AssertRefused($"{data}:1", "context of 4096");
        Assert.False(Directory.Exists(_folder["out"]));
    }

    [Fact]
    public void Items_that_fit_no_length()
    {
        string data = _folder.Write("items.jsonl", Item);
        _ = Directory.CreateDirectory(_folder["plans"]);
        File.WriteAllText(_folder["plans", "plan-000.json"], Plan(2, 4));
        Invocation.Of("profile", "--model", Model, "--data", data, "--lengths", "128", "--out", _folder["out"])
            .AssertRefused(data, "65 to 128 tokens", "--lengths");
        Invocation.Of("validate", "--model", Model, "--plans", _folder["plans"], "--data", data, "--length", "128", "--out", _folder["out"])
            .AssertRefused(data, "65 to 128 tokens", "--length");
        Assert.False(Directory.Exists(_folder["out"]));
    }

    [Fact]
    public void A_plan_that_is_none_or_of_another_model()
    {
        string data = _folder.Write("items.jsonl", Item), noJson = _folder.Write("no.json", "spans"), other = _folder.Write("other.json", Plan(4, 8));
        string named = _folder.Write("named.json", Plan(3, 8).Replace(
            "{", """{"format":"moa-plan/1","model":{"name":"giant","layers":3,"queryHeads":8,"keyValueHeads":2},"headKind":"query",""", StringComparison.Ordinal));
        Refused(noJson, noJson, "not JSON");
        Refused(other, other, "4 layers of 8 heads", "2 layers of 4 query heads");
        Refused(named, named, "giant");
        Refused(_folder["none.json"], _folder["none.json"], "there is no such file");
        Invocation.Of("score", "--model", Model, "--data", data, "--plan", other, "--policy", "dense").AssertRefused("takes no plan");

        void Refused(string plan, params string[] words) =>
            Invocation.Of("score", "--model", Model, "--data", data, "--plan", plan).AssertRefused(words);
    }

    [Fact]
    public void A_folder_of_plans_without_any()
    {
        string data = _folder.Write("items.jsonl", Item);
        Invocation.Of("validate", "--plans", _folder["none"], "--data", data).AssertRefused(_folder["none"], "no such folder");
        Invocation.Of("validate", "--plans", _folder.Path, "--data", data).AssertRefused(_folder.Path, "plan-*.json");
    }

    [Fact]
    public void Influence_that_is_missing_or_of_another_model()
    {
        string tokens = string.Join(',', Enumerable.Range(0, 120).Select(i => 1 + i * 7 % 120));
        string data = _folder.Write("items.jsonl", $"{{\"tokens\":[{tokens}],\"answers\":[[100,120]]}}\n");
        string[] lengths = ["--lengths", "128", "--extend", "256", "--validate-length", "192", "--density", "1", "--out", _folder["plans"]];
        Invocation.Of(["optimize", "--model", Model, "--profile", _folder["none"], .. lengths]).AssertRefused("influence-128.safetensors", "no such file");
        Assert.Equal(0, Invocation.Of("profile", "--model", Model, "--data", data, "--lengths", "128", "--out", _folder["influence"]).ExitCode);
        Invocation.Of(["optimize", "--profile", _folder["influence"], .. lengths])
            .AssertRefused("influence-128.safetensors", "llama-mha", "4 of 8", "--model");
        using (FileStream file = File.OpenWrite(_folder["influence", "influence-128.safetensors"]))
            file.SetLength(file.Length - 1);
        Invocation.Of(["optimize", "--model", Model, "--profile", _folder["influence"], .. lengths]).AssertRefused("influence-128.safetensors");
        Assert.False(Directory.Exists(_folder["plans"]));
    }

    [Theory]
    [InlineData("compress")]
    [InlineData("calibrate")]
    [InlineData("eval retrieval --lengths 512")]
    [InlineData("optimize --problem {problem}")]
    [InlineData("profile --model {model} --data {data} --lengths 128")]
    [InlineData("validate --model {model} --data {data} --plans {plans} --length 128")]
    public void An_output_folder_that_cannot_be_written(string command)
    {
        string data = _folder.Write("items.jsonl", $"{{\"tokens\":[{string.Join(',', Enumerable.Repeat(3, 100))}]}}\n");
        _ = Directory.CreateDirectory(_folder["plans"]);
        File.WriteAllText(_folder["plans", "plan-000.json"], Plan(2, 4));
        string[] args = [.. command.Split(' ').Select(word => word
            .Replace("{problem}", RepositoryFiles.Fixture("optimum", "h8"), StringComparison.Ordinal)
            .Replace("{model}", Model, StringComparison.Ordinal)
            .Replace("{data}", data, StringComparison.Ordinal)
            .Replace("{plans}", _folder["plans"], StringComparison.Ordinal))];
        foreach (string place in new[] { data, Path.Combine(data, "below"), "/proc/none" })
        {
            if (place[0] != '/' || OperatingSystem.IsLinux())
                Invocation.Of([.. args, "--out", place]).AssertRefused($"--out {place}", "cannot be written", "choose another folder");
        }

        Assert.Equal(3, _folder.Names().Length);
    }

    private static string Plan(int layers, int heads)
    {
        string Table(string value) => $"[{string.Join(',', Enumerable.Repeat($"[{string.Join(',', Enumerable.Repeat(value, heads))}]", layers))}]";
        return $"{{\"alphas\":{Table("128")},\"betas\":{Table("0")}}}";
    }
}
