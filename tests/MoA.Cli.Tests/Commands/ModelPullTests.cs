using System.Globalization;
using System.Text.Json;
using MoA.Cli;

namespace MoA.Tests.Commands;

/// <summary><c>moa model pull</c>, <c>moa model list</c> and names in place of paths, against a hub of the tests.</summary>
public sealed class ModelPullTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly HubServer _server = new();

    public ModelPullTests()
    {
        foreach (string file in Directory.EnumerateFiles(RepositoryFiles.Fixture("models", "llama-mha")).Where(file => !file.EndsWith("expected.safetensors", StringComparison.Ordinal)))
            (file.EndsWith(".safetensors", StringComparison.Ordinal) ? _server.Large : _server.Small)[Path.GetFileName(file)] = File.ReadAllBytes(file);
    }

    public void Dispose()
    {
        _server.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void What_was_pulled_is_a_model_by_its_name()
    {
        Start("model info --model org/name").AssertRefused("org/name: there is no such file or folder, and", "to get it: moa model pull org/name");
        Assert.Empty(_server.Requests);
        JsonElement pulled = Start("model pull org/name --json --quiet").Document();
        string snapshot = Path.Combine(_folder.Path, "hub", "models--org--name", "snapshots", HubServer.Commit);
        Assert.Equal(("org/name", "main", HubServer.Commit, snapshot), (Text("name"), Text("revision"), Text("commit"), Text("folder")));
        Assert.Equal(["config.json", "model.safetensors"], pulled.GetProperty("files").EnumerateArray().Select(file => file.GetProperty("name").GetString()));
        Assert.Equal(HubServer.Sha256Of(_server.Large["model.safetensors"]), pulled.GetProperty("files")[1].GetProperty("hash").GetString());
        Assert.Equal(pulled.GetProperty("bytes").GetInt64(), pulled.GetProperty("fetchedBytes").GetInt64());

        Assert.Equal("org/name", Start("model info --model org/name --json").Document().GetProperty("name").GetString());
        string items = _folder.Write("items.jsonl", """{"tokens":[1,2,3,4]}""");
        Assert.Equal(
            Invocation.Json("score", "--model", RepositoryFiles.Fixture("models", "llama-mha"), "--data", items).GetProperty("meanCrossEntropy").GetDouble(),
            Start($"score --model org/name@{HubServer.Commit[..8]} --data '{items}' --json --quiet").Document().GetProperty("meanCrossEntropy").GetDouble());
        JsonElement listed = Assert.Single(Start("model list --json").Document().GetProperty("models").EnumerateArray());
        Assert.Equal(("org/name", true), (listed.GetProperty("name").GetString(), listed.GetProperty("weightsAsFolder").GetBoolean()));

        string? Text(string name) => pulled.GetProperty(name).GetString();
    }

    [Fact]
    public void Progress_and_the_result_in_words()
    {
        Invocation run = Start("model pull org/name@main --include config.json");
        Assert.Equal(0, run.ExitCode);
        Assert.Contains("pull: config.json (1/1 MiB)", run.Error, StringComparison.Ordinal);
        Assert.Contains($"org/name@main: 1 files, 0.0 MiB, fetched 0.0 MiB; commit {HubServer.Commit[..12]}", run.Output, StringComparison.Ordinal);
        Assert.DoesNotContain(HubServer.Token, run.Output + run.Error, StringComparison.Ordinal);
        Start("model info --model org/name").AssertRefused("only a part of it, without weights", "moa model pull org/name");
    }

    [Fact]
    public void A_dry_run_says_what_would_come()
    {
        JsonElement said = Start("model pull org/name --dry-run --json --quiet").Document();
        Assert.Empty(Directory.GetFileSystemEntries(_folder.Path));
        JsonElement pulled = Start("model pull org/name --json --quiet --include config.json").Document();
        JsonElement rest = Start("model pull org/name --dry-run --json --quiet").Document();
        Assert.True(said.GetProperty("dryRun").GetBoolean());
        Assert.Equal(said.GetProperty("bytes").GetInt64(), said.GetProperty("missingBytes").GetInt64());
        Assert.Equal(said.GetProperty("missingBytes").GetInt64() - pulled.GetProperty("fetchedBytes").GetInt64(), rest.GetProperty("missingBytes").GetInt64());
        Assert.Equal(["config.json 0", $"model.safetensors {_server.Large["model.safetensors"].Length}"], rest.GetProperty("files").EnumerateArray()
            .Select(file => $"{file.GetProperty("name").GetString()} {file.GetProperty("missingBytes").GetInt64()}"));
        string[] lines = Start("model pull org/name --dry-run").Output.Split('\n');
        Assert.StartsWith("org/name: 2 files, 0.", lines[0], StringComparison.Ordinal);
        Assert.Equal("  config.json: 0.0 MiB, in the cache", lines[1]);
        Assert.EndsWith("MiB, to fetch", lines[2], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("model pull ./here", "./here: is no name on the hub; expected org/name")]
    [InlineData("model pull org/name@v1 --revision v2", "name one")]
    [InlineData("model pull org/name --revision ../x", "is no revision")]
    [InlineData("model pull org/none", "no model of this name")]
    [InlineData("model pull org/name@v9", "no revision v9")]
    [InlineData("model pull org/name:x.gguf", "holds no GGUF file")]
    [InlineData("model pull org/name:x.gguf --include *.gguf", "expected one of them")]
    [InlineData("model pull org/name --include *.h5", "no file matches *.h5")]
    public void What_cannot_be_pulled_is_one_line(string line, string problem) => Start(line + " --quiet").AssertRefused(problem);

    [Fact]
    public void Offline_and_unreachable_are_one_line()
    {
        Start("model pull org/name --quiet", "HF_HUB_OFFLINE=1").AssertRefused("HF_HUB_OFFLINE is set");
        Start("model pull org/name --quiet", "HF_ENDPOINT=nowhere").AssertRefused("HF_ENDPOINT nowhere");
        Start("model pull org/name --quiet", "HF_TOKEN='two words'").AssertRefused("HF_TOKEN");
        _server.Instead = (_, _) => HubServer.Reply.Error(418, null, "teapot");
        Invocation failed = Start("model pull org/name --quiet");
        Assert.Equal(CommandLine.Failed, failed.ExitCode);
        failed.AssertOneLine("answers 418 (teapot)");
    }

    [Fact]
    public void An_interrupted_pull_goes_on()
    {
        if (OperatingSystem.IsWindows())
            return;
        byte[] weights = _server.Large["model.safetensors"];
        int half = weights.Length / 2;
        _server.Instead = (request, usual) => request.IsStorage && request.Range is null ? usual with { CutAfter = half, Hangs = true } : null;
        string part = Path.Combine(_folder.Path, "hub", "models--org--name", "blobs", HubServer.Sha256Of(weights) + ".incomplete");
        using (ChildProcess child = ChildProcess.Shell(Line("model pull org/name --quiet")))
        {
            while (!File.Exists(part) || new FileInfo(part).Length < half)
                Thread.Sleep(20);
            child.Signal(ChildProcess.Terminate);
            Invocation run = child.WaitForEnd();
            Assert.Equal((CommandLine.Interrupted, ""), (run.ExitCode, run.Output));
            run.AssertOneLine("run the same command again to go on");
        }

        JsonElement pulled = Start("model pull org/name --json --quiet").Document();
        Assert.Equal(weights.Length - half, pulled.GetProperty("files")[1].GetProperty("fetchedBytes").GetInt32());
    }

    private static string Quoted(string word) => word.Contains('*', StringComparison.Ordinal) ? $"'{word}'" : word;

    private Invocation Start(string line, params string[] variables)
    {
        using ChildProcess child = ChildProcess.Shell(Line(line, variables));
        return child.WaitForEnd();
    }

    // exec: signals go to the program, not to the shell.
    private string Line(string line, params string[] variables) => string.Create(CultureInfo.InvariantCulture,
        $"export HF_HOME='{_folder.Path}' HF_ENDPOINT={_server.Endpoint} HF_TOKEN={HubServer.Token} HF_HUB_OFFLINE= HF_HUB_CACHE= HUGGINGFACE_HUB_CACHE= {string.Join(' ', variables)}; exec moa {string.Join(' ', line.Split(' ').Select(Quoted))}");
}
