using System.Collections.Concurrent;
using System.Text;
using MoA.Engine.Hub;
using MoA.Tests;
using static MoA.Tests.HubServer;

namespace MoA.Engine.Tests.Hub;

/// <summary>Pulling from a server that speaks the hub's API. The layout and the names are those that huggingface_hub documents.</summary>
public sealed class ModelPullTests : IDisposable
{
    private readonly PullBench _bench = new();

    private byte[] Weights => _bench.Server.Large["model.safetensors"];

    public void Dispose() => _bench.Dispose();

    [Fact]
    public void The_cache_is_laid_out_as_other_tools_expect_it()
    {
        _bench.Server.Large["sub/folder/more.bin"] = Content(100, 3);
        _bench.Server.Small["empty"] = [];
        PulledModel model = _bench.Pull(patterns: "*");
        Assert.Equal(Commit, model.Commit);
        Assert.Equal(Commit, File.ReadAllText(Path.Combine(_bench.RepositoryFolder, "refs", "main")));
        string snapshot = Path.Combine(_bench.RepositoryFolder, "snapshots", Commit);
        Assert.Equal(snapshot, model.Folder);
        Assert.Equal($"../../blobs/{Sha256Of(Weights)}", Link("model.safetensors"));
        Assert.Equal($"../../blobs/{GitHashOf(_bench.Server.Small["config.json"])}", Link("config.json"));
        Assert.Equal($"../../../../blobs/{Sha256Of(_bench.Server.Large["sub/folder/more.bin"])}", Link("sub/folder/more.bin"));
        Assert.Equal(Weights, File.ReadAllBytes(Path.Combine(snapshot, "model.safetensors")));
        Assert.Equal("../../blobs/e69de29bb2d1d6434b8b29ae775ad8c2e48c5391", Link("empty"));
        Assert.Equal(5, _bench.Blobs().Length);
        Assert.Contains($"{Sha256Of(Weights)}.lock", Directory.GetFiles(Path.Combine(_bench.CacheFolder, ".locks", "models--org--name")).Select(Path.GetFileName));
        Assert.Equal(snapshot, new HubCache(_bench.CacheFolder).Resolve(Repository));

        string? Link(string name) => new FileInfo(Path.Combine(snapshot, name)).LinkTarget;
    }

    /// <summary>The token goes to the hub and nowhere else, though it redirects.</summary>
    [Fact]
    public void The_token_stays_with_the_hub()
    {
        _ = _bench.Pull();
        Assert.All(_bench.Server.Requests, request => Assert.Equal(request.IsStorage ? null : $"Bearer {Token}", request.Authorization));
        Assert.Contains(_bench.Server.Requests, request => request.IsStorage);
        Assert.DoesNotContain(Token, _bench.Settings.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_there_is_not_fetched_again()
    {
        Assert.Equal(Weights.Length, _bench.Pull().Files.Single(file => file.Name == "model.safetensors").FetchedBytes);
        _bench.Server.Requests.Clear();
        Assert.Equal(0, _bench.Pull().Files.Sum(file => file.FetchedBytes));
        Assert.DoesNotContain(_bench.Server.Requests, request => request.IsStorage);
    }

    [Fact]
    public void A_part_that_is_there_is_gone_on_with()
    {
        _ = Directory.CreateDirectory(Path.Combine(_bench.RepositoryFolder, "blobs"));
        File.WriteAllBytes(_bench.BlobOf(Weights, ending: ".incomplete"), Weights[..2_000_000]);
        PulledFile file = _bench.Pull().Files.Single(file => file.Name == "model.safetensors");
        Assert.Equal((3_000_000L, 1_000_000L), (file.Bytes, file.FetchedBytes));
        Assert.Equal(2_000_000, Assert.Single(_bench.Server.Requests, request => request.IsStorage).Range);
        Assert.Equal(Weights, File.ReadAllBytes(_bench.BlobOf(Weights)));
        Assert.DoesNotContain(_bench.Blobs(), blob => blob.EndsWith(".incomplete", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(2_000_000)] // other bytes
    [InlineData(3_000_000)] // all of them
    [InlineData(4_000_000)] // too many
    public void A_part_of_something_else_is_fetched_anew(int length)
    {
        _ = Directory.CreateDirectory(Path.Combine(_bench.RepositoryFolder, "blobs"));
        File.WriteAllBytes(_bench.BlobOf(Weights, ending: ".incomplete"), new byte[length]);
        _ = _bench.Pull();
        Assert.Equal(Weights, File.ReadAllBytes(_bench.BlobOf(Weights)));
    }

    /// <summary>Each connection breaks after 100,000 bytes: 30 of them bring 3,000,000.</summary>
    [Fact]
    public void A_connection_that_breaks_again_and_again_gets_there()
    {
        _bench.Server.Instead = (request, usual) => request.IsStorage ? usual with { CutAfter = 100_000 } : null;
        _ = _bench.Pull();
        Assert.Equal(Weights, File.ReadAllBytes(_bench.BlobOf(Weights)));
        Assert.Equal(Enumerable.Range(0, 30).Select(i => i == 0 ? (int?)null : i * 100_000),
            _bench.Server.Requests.Where(request => request.IsStorage).Select(request => request.Range));
    }

    [Fact]
    public void A_server_without_ranges_starts_anew()
    {
        int count = 0;
        _bench.Server.Instead = (request, usual) => !request.IsStorage ? null
            : new Reply(200, Weights) { CutAfter = count++ < 2 ? 1_000_000 : null };
        Assert.Equal(5_000_000, _bench.Pull().Files.Single(file => file.Name == "model.safetensors").FetchedBytes);
        Assert.Equal(Weights, File.ReadAllBytes(_bench.BlobOf(Weights)));
    }

    [Theory]
    [InlineData(429)]
    [InlineData(500)]
    [InlineData(503)]
    public void A_busy_server_is_asked_again(int status)
    {
        ConcurrentDictionary<string, int> asked = [];
        _bench.Server.Instead = (request, _) => asked.AddOrUpdate(request.Method + request.Path, 1, (_, count) => count + 1) <= 2
            ? new Reply(status, [], ("Retry-After", "0")) : null;
        _ = _bench.Pull();
        Assert.Equal(Weights, File.ReadAllBytes(_bench.BlobOf(Weights)));
    }

    [Fact]
    public void A_server_that_stays_busy_or_silent_is_given_up()
    {
        _bench.Server.Instead = (_, _) => new Reply(503, []);
        Assert.Contains("answers 503; tried 5 times", _bench.Failure<IOException>(), StringComparison.Ordinal);
        _bench.Server.Instead = (_, usual) => usual with { CutAfter = 10, Hangs = true };
        Assert.Contains("nothing came for 0.2 s", _bench.Failure<IOException>(settings: _bench.Settings with { Patience = TimeSpan.FromMilliseconds(200) }), StringComparison.Ordinal);
        using HubServer gone = new();
        string endpoint = gone.Endpoint;
        gone.Dispose();
        Assert.Contains("the connection failed", _bench.Failure<IOException>(settings: _bench.Settings with { Endpoint = new Uri(endpoint) }), StringComparison.Ordinal);
    }

    /// <summary>What the storage sends is not what the hub says of it: it is refused, and nothing of it stays.</summary>
    [Theory]
    [InlineData("other bytes", "SHA-256")]
    [InlineData("longer", "has 3000001 bytes where it is fetched; expected 3000000")]
    [InlineData("longer, without a length", "is longer than the 3000000 bytes")]
    [InlineData("shorter", "has 2999999 bytes where it is fetched; expected 3000000")]
    [InlineData("another range", "bytes 5-2999999/3000000 came; expected those from 1000000 of 3000000")]
    public void Contents_that_are_not_what_the_hub_says(string fault, string problem)
    {
        byte[] content = [.. Weights];
        content[1_500_000] ^= 1;
        (string, string) unknown = ("Transfer-Encoding", "identity");
        _bench.Server.Instead = (request, _) => !request.IsStorage ? null : fault switch
        {
            "longer" => new Reply(200, [.. Weights, 0]),
            "longer, without a length" => new Reply(200, [.. Weights, 0], unknown),
            "shorter" => new Reply(200, Weights[..^1]),
            "another range" when request.Range is null => new Reply(200, Weights) { CutAfter = 1_000_000 },
            "another range" => new Reply(206, Weights[5..], ("Content-Range", "bytes 5-2999999/3000000")),
            _ => new Reply(200, content),
        };
        Assert.Contains(problem, _bench.Failure<IOException>(), StringComparison.Ordinal);
        Assert.DoesNotContain(Sha256Of(Weights), _bench.Blobs());
        Assert.False(File.Exists(Path.Combine(_bench.RepositoryFolder, "refs", "main")));
        _bench.Server.Instead = null;
        _ = _bench.Pull();
        Assert.Equal(Weights, File.ReadAllBytes(_bench.BlobOf(Weights)));
    }

    [Fact]
    public void Git_hashes_are_checked_too()
    {
        _bench.Server.Instead = (request, usual) => request.Path.EndsWith("/config.json", StringComparison.Ordinal) && request.Method == "GET"
            ? usual with { Body = "{\"model_type\":\"lLama\"}"u8.ToArray() } : null;
        Assert.Contains("org/name/config.json: has the git hash", _bench.Failure<IOException>(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(401, "GatedRepo", "org/name: is gated: accept its terms at http://127.0.0.1", true)]
    [InlineData(403, "GatedRepo", "org/name: is gated, and the token's owner may not read it", true)]
    [InlineData(404, "RepoNotFound", "has no model of this name, or not for the owner of this token", true)]
    [InlineData(401, "RepoNotFound", "has no model of this name, or not for everybody: set HF_TOKEN", false)]
    [InlineData(401, null, "the token is not accepted", true)]
    [InlineData(403, "DisabledRepo", "was disabled", true)]
    [InlineData(404, "RevisionNotFound", "org/name: has no revision main", true)]
    [InlineData(404, "EntryNotFound", "has no model of this name", true)]
    [InlineData(404, null, "has no model of this name", true)]
    public void Refusals_are_explained(int status, string? code, string expected, bool withToken)
    {
        _bench.Server.Instead = (_, _) => Reply.Error(status, code);
        Assert.Contains(expected, _bench.Failure<InvalidInputException>(settings: withToken ? null : _bench.Settings with { Token = null }), StringComparison.Ordinal);
        Assert.Empty(_bench.Blobs());
    }

    [Fact]
    public void A_gated_file_a_missing_file_and_a_missing_revision()
    {
        Assert.Contains("org/name: has no revision v9", _bench.Failure<InvalidInputException>("org/name@v9"), StringComparison.Ordinal);
        _bench.Server.Instead = (request, _) => request.Path.EndsWith("/model.safetensors", StringComparison.Ordinal) ? Reply.Error(403, "GatedRepo") : null;
        Assert.Contains("is gated", _bench.Failure<InvalidInputException>(), StringComparison.Ordinal);
        _bench.Server.Instead = (request, _) => request.Path.EndsWith("/model.safetensors", StringComparison.Ordinal) ? Reply.Error(404, "EntryNotFound") : null;
        Assert.Contains("has no file model.safetensors", _bench.Failure<InvalidInputException>(), StringComparison.Ordinal);
        _bench.Server.Instead = (_, _) => Reply.Error(418, null, $"I know {Token}");
        Assert.Contains("answers 418 (I know …)", _bench.Failure<IOException>(), StringComparison.Ordinal);
    }

    [Fact]
    public void Offline_nothing_is_asked()
    {
        Assert.Contains("HF_HUB_OFFLINE is set", _bench.Failure<InvalidInputException>(settings: _bench.Settings with { IsOffline = true }), StringComparison.Ordinal);
        Assert.Empty(_bench.Server.Requests);
    }

    /// <summary>Safetensors before PyTorch's, no other kinds, and the shards that the index names.</summary>
    [Fact]
    public void Only_the_files_that_are_needed()
    {
        foreach (string name in new[] { "README.md", "original/params.json", "generation_config.json", "tokenizer.model" })
            _bench.Server.Small[name] = Content(50, 5);
        foreach (string name in new[] { "pytorch_model.bin", "consolidated.safetensors", "tf_model.h5", "x.gguf" })
            _bench.Server.Large[name] = Content(60, 6);
        _ = _bench.Pull();
        Assert.Equal(["config.json", "generation_config.json", "model.safetensors", "tokenizer.json", "tokenizer.model"], _bench.Files());
    }

    [Theory]
    [InlineData("model", "safetensors")]
    [InlineData("pytorch_model", "bin")]
    public void Shards_are_those_that_the_index_names(string stem, string extension)
    {
        _bench.Server.Large.Clear();
        string[] shards = [.. Enumerable.Range(1, 3).Select(part => $"{stem}-0000{part}-of-00003.{extension}")];
        foreach (string shard in shards.Append($"other.{extension}"))
            _bench.Server.Large[shard] = Content(70_000, shard.Length);
        _bench.Server.Small[$"{stem}.{extension}.index.json"] = Encoding.UTF8.GetBytes(
            $"{{\"weight_map\":{{{string.Join(',', shards.Select((shard, i) => $"\"t{i}\":\"{shard}\",\"u{i}\":\"{shard}\""))}}}}}");
        _ = _bench.Pull();
        Assert.Equal(new[] { "config.json", "tokenizer.json", $"{stem}.{extension}.index.json" }.Concat(shards).Order(StringComparer.Ordinal), _bench.Files());
    }

    /// <summary>What the run then does; of contents nothing comes but the index, and nothing is written.</summary>
    [Fact]
    public void A_plan_is_what_a_pull_does()
    {
        _bench.Server.Large.Clear();
        string[] shards = [.. Enumerable.Range(1, 3).Select(part => $"model-0000{part}-of-00003.safetensors")];
        for (int i = 0; i < shards.Length; i++)
            _bench.Server.Large[shards[i]] = Content(70_000 + i, i);
        _bench.Server.Small["model.safetensors.index.json"] = Encoding.UTF8.GetBytes(
            $"{{\"weight_map\":{{{string.Join(',', shards.Select((shard, i) => $"\"t{i}\":\"{shard}\""))}}}}}");
        PulledModel plan = _bench.Plan();
        Assert.False(Directory.Exists(_bench.CacheFolder));
        Assert.Single(_bench.Server.Requests, request => request.Method == "GET" && request.Path.Contains("/resolve/", StringComparison.Ordinal));
        Assert.DoesNotContain(_bench.Server.Requests, request => request.IsStorage);

        // One content is there, and of another a part.
        _ = Directory.CreateDirectory(Path.Combine(_bench.RepositoryFolder, "blobs"));
        File.WriteAllBytes(_bench.BlobOf(_bench.Server.Large[shards[0]]), _bench.Server.Large[shards[0]]);
        File.WriteAllBytes(_bench.BlobOf(_bench.Server.Large[shards[1]], ending: ".incomplete"), _bench.Server.Large[shards[1]][..50_000]);
        PulledModel rest = _bench.Plan();
        Assert.Equal(plan.Bytes - 70_000 - 50_000, rest.FetchedBytes);
        PulledModel pulled = _bench.Pull();
        Assert.Equal(rest.Files, pulled.Files);
        Assert.Equal((plan.Commit, plan.Folder, plan.Bytes), (pulled.Commit, pulled.Folder, pulled.Bytes));
        Assert.Equal(0, _bench.Plan().FetchedBytes);
        Assert.Equal((1, 4), (_bench.Plan(patterns: "config.json").Files.Count, _bench.Plan(patterns: "model*").Files.Count));
    }

    [Theory]
    [InlineData("../evil.safetensors")]
    [InlineData("/etc/evil")]
    [InlineData("gone.safetensors")]
    public void An_index_names_files_of_the_repository_only(string shard)
    {
        _bench.Server.Large.Clear();
        if (shard[0] != 'g')
            _bench.Server.Large[shard] = Content(10, 1);
        _bench.Server.Small["model.safetensors.index.json"] = Encoding.UTF8.GetBytes($"{{\"weight_map\":{{\"t\":\"{shard}\"}}}}");
        Assert.Contains(shard, Assert.Throws<InvalidInputException>(() => _bench.Plan()).Message, StringComparison.Ordinal);
        Assert.Contains(shard, _bench.Failure<InvalidInputException>(), StringComparison.Ordinal);
        Assert.False(File.Exists(Path.Combine(_bench.RepositoryFolder, "refs", "main")));
    }

    [Fact]
    public void One_gguf_model_and_all_its_parts()
    {
        _bench.Server.Large.Clear();
        _bench.Server.Small.Remove("tokenizer.json");
        foreach (string name in new[] { "m-Q4_K_M.gguf", "m-Q8_0.gguf", "big/m-F16-00001-of-00002.gguf", "big/m-F16-00002-of-00002.gguf", "mmproj-F16.gguf" })
            _bench.Server.Large[name] = Content(40, name.Length);
        string listed = _bench.Failure<InvalidInputException>();
        Assert.Contains("stands for 3 GGUF models: big/m-F16-00001-of-00002.gguf, m-Q4_K_M.gguf, m-Q8_0.gguf; name one", listed, StringComparison.Ordinal);
        Assert.Contains("there is no such file; org/name holds", _bench.Failure<InvalidInputException>("org/name:Q5_0"), StringComparison.Ordinal);
        _ = _bench.Pull("org/name:q4_k_m");
        Assert.Equal(["m-Q4_K_M.gguf"], _bench.Files());
        _ = _bench.Pull("org/name:F16");
        Assert.Equal(["big/m-F16-00001-of-00002.gguf", "big/m-F16-00002-of-00002.gguf", "m-Q4_K_M.gguf"], _bench.Files());
        Assert.EndsWith("big/m-F16-00001-of-00002.gguf", new HubCache(_bench.CacheFolder).Resolve("org/name:F16").Replace('\\', '/'), StringComparison.Ordinal);
        _bench.Server.Large.Remove("big/m-F16-00002-of-00002.gguf");
        Assert.Contains("1 of the 2 parts", _bench.Failure<InvalidInputException>("org/name:F16"), StringComparison.Ordinal);
    }

    [Fact]
    public void Patterns_choose_files()
    {
        _bench.Server.Small["sub/a.json"] = Content(9, 1);
        _ = _bench.Pull(patterns: ["*.json"]);
        Assert.Equal(["config.json", "sub/a.json", "tokenizer.json"], _bench.Files());
        Assert.Contains("no file matches *.gguf; there are config.json", _bench.Failure<InvalidInputException>(patterns: "*.gguf"), StringComparison.Ordinal);
    }

    /// <summary>Each content comes over the network once, whoever asks.</summary>
    [Fact]
    public void Two_pulls_at_once_share_the_work()
    {
        _bench.Server.Instead = (request, _) =>
        {
            if (request.IsStorage)
                Thread.Sleep(300);
            return null;
        };
        PulledModel[] models = new PulledModel[3];
        Parallel.For(0, models.Length, new ParallelOptions { MaxDegreeOfParallelism = 3 }, i => models[i] = _bench.Pull());
        Assert.Single(_bench.Server.Requests, request => request.IsStorage);
        Assert.Equal(Weights.Length, models.Sum(model => model.Files.Single(file => file.Name == "model.safetensors").FetchedBytes));
        Assert.Equal(Weights, File.ReadAllBytes(Path.Combine(models[0].Folder, "model.safetensors")));
    }

    [Fact]
    public void An_interrupted_pull_leaves_parts_that_the_next_one_uses()
    {
        using CancellationTokenSource stop = new();
        _bench.Server.Instead = (request, usual) => request.IsStorage && request.Range is null ? usual with { CutAfter = 1_000_000, Hangs = true } : null;
        ModelPull pull = new(_bench.Settings);
        Assert.ThrowsAny<OperationCanceledException>(() => pull.RunAsync(HubName.TryParse(Repository)!, [], progress =>
        {
            if (progress.DoneBytes > 1_000_000) // the small files, and what comes of the large one
                stop.Cancel();
        }, stop.Token).GetAwaiter().GetResult());
        long part = new FileInfo(_bench.BlobOf(Weights, ending: ".incomplete")).Length;
        Assert.InRange(part, 990_000, 1_000_000);
        Assert.False(File.Exists(Path.Combine(_bench.RepositoryFolder, "refs", "main")));
        Assert.Equal(3_000_000 - part, _bench.Pull().Files.Single(file => file.Name == "model.safetensors").FetchedBytes);
    }

    /// <summary>What a server may redirect to.</summary>
    [Theory]
    [InlineData("/org/name/resolve/0123456789abcdef0123456789abcdef01234567/model.safetensors", "redirects more than 10 times")]
    [InlineData("file:///etc/passwd", "redirects to no address")]
    [InlineData("", "redirects to no address")]
    public void Redirects_that_lead_nowhere(string location, string problem)
    {
        _bench.Server.Instead = (request, _) => request.Path.EndsWith("/model.safetensors", StringComparison.Ordinal) ? new Reply(302, [], ("Location", location)) : null;
        Assert.Contains(problem, _bench.Failure<InvalidInputException>(), StringComparison.Ordinal);
    }

    /// <summary>As the hub answers for small files today: by a redirect within itself.</summary>
    [Fact]
    public void Redirects_within_the_hub_keep_the_token()
    {
        _bench.Server.Instead = (request, usual) => request.Path.EndsWith("/tokenizer.json", StringComparison.Ordinal)
            ? request.Path.StartsWith("/cache/", StringComparison.Ordinal)
                ? new Reply(200, _bench.Server.Small["tokenizer.json"], ("ETag", $"W/\"{GitHashOf(_bench.Server.Small["tokenizer.json"])}\""))
                : new Reply(307, [], ("X-Repo-Commit", Commit), ("Location", "/cache/tokenizer.json"))
            : null;
        _ = _bench.Pull();
        Assert.All(_bench.Server.Requests.Where(request => !request.IsStorage), request => Assert.Equal($"Bearer {Token}", request.Authorization));
        Assert.Equal(_bench.Server.Small["tokenizer.json"], File.ReadAllBytes(Path.Combine(_bench.RepositoryFolder, "snapshots", Commit, "tokenizer.json")));
    }

    [Fact]
    public void A_disk_without_room_is_said_before()
    {
        _bench.Server.Instead = (request, usual) => request.Path.EndsWith("/model.safetensors", StringComparison.Ordinal) && request.Method == "HEAD"
            ? usual with { Headers = [.. usual.Headers.Where(header => header.Name != "X-Linked-Size"), ("X-Linked-Size", $"{1L << 44}")] } : null;
        Assert.Contains("MiB are missing and", Assert.Throws<IOException>(() => _bench.Plan()).Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_bench.CacheFolder));
        Assert.Contains("MiB are missing and", _bench.Failure<IOException>(), StringComparison.Ordinal);
        Assert.Empty(_bench.Blobs());
    }
}
