using MoA.Engine.Hub;

namespace MoA.Engine.Tests.Hub;

/// <summary>Names looked up in a cache that is laid out by hand as huggingface_hub documents it: blobs, refs, snapshots of relative links.</summary>
public sealed class HubCacheTests : IDisposable
{
    private const string First = "aaaa000000000000000000000000000000000001", Second = "aaaa000000000000000000000000000000000002";
    private const string Third = "bbbb000000000000000000000000000000000003";

    private readonly TemporaryFolder _folder = new();
    private readonly HubCache _cache;

    public HubCacheTests()
    {
        _cache = new HubCache(_folder.Path);
        Add("models--org--name", First, "config.json", "model.safetensors");
        Add("models--org--name", Second, "config.json", "pytorch_model.bin.index.json");
        Add("models--org--name", Third, "config.json");
        Ref("models--org--name", "main", Second);
        Ref("models--org--name", "refs/pr/1", First);
        Ref("models--org--name", "v1", First + "\n");
        Add("models--org--many-GGUF", First, "config.json", "m-Q4_K_M.gguf", "m-Q8_0.gguf", "mmproj-m.gguf", "f16/m-00001-of-00002.gguf", "f16/m-00002-of-00002.gguf");
        Ref("models--org--many-GGUF", "main", First);
        Add("models--org--one-GGUF", First, "README.md", "m.Q4_0.gguf", "imatrix.gguf");
        Ref("models--org--one-GGUF", "main", First);
        Add("models--gpt2", First, "config.json", "model.safetensors");
        Ref("models--gpt2", "main", First);
    }

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("org/name", "models--org--name", Second)]
    [InlineData("org/name@main", "models--org--name", Second)]
    [InlineData("org/name@v1", "models--org--name", First)]
    [InlineData("org/name@refs/pr/1", "models--org--name", First)]
    [InlineData("org/name@" + First, "models--org--name", First)]
    [InlineData("gpt2", "models--gpt2", First)]
    [InlineData("org/one-GGUF", "models--org--one-GGUF", First, "m.Q4_0.gguf")]
    [InlineData("org/one-GGUF:Q4_0", "models--org--one-GGUF", First, "m.Q4_0.gguf")]
    [InlineData("org/many-GGUF:m-Q8_0.gguf", "models--org--many-GGUF", First, "m-Q8_0.gguf")]
    [InlineData("org/many-GGUF@main:q4_k_m", "models--org--many-GGUF", First, "m-Q4_K_M.gguf")]
    [InlineData("org/many-GGUF:F16", "models--org--many-GGUF", First, "f16", "m-00001-of-00002.gguf")]
    [InlineData("org/many-GGUF:f16/m-00002-of-00002.gguf", "models--org--many-GGUF", First, "f16", "m-00001-of-00002.gguf")]
    [InlineData("org/many-GGUF:mmproj-m.gguf", "models--org--many-GGUF", First, "mmproj-m.gguf")]
    public void A_name_is_the_path_of_its_snapshot(string name, string repository, string commit, params string[] file) =>
        Assert.Equal(Path.Combine([_folder.Path, repository, "snapshots", commit, .. file]), _cache.Resolve(name));

    [Theory]
    [InlineData("org/none", "org/none: there is no such file or folder, and", "moa model pull org/none")]
    [InlineData("org/none@v2:Q8_0", "moa model pull org/none@v2:Q8_0")]
    [InlineData("org/name@v2", "has no revision v2 of it, but aaaa00000000", "moa model pull org/name@v2")]
    [InlineData("org/name@aaaa", "2 commits", "give more digits")]
    [InlineData("org/name@bbbb", "only a part of it, without weights", "moa model pull org/name@bbbb")]
    [InlineData("org/many-GGUF", "stands for 3 GGUF models: f16/m-00001-of-00002.gguf, m-Q4_K_M.gguf, m-Q8_0.gguf; name one, such as org/many-GGUF:f16/m-00001-of-00002.gguf")]
    [InlineData("org/many-GGUF:Q5_K", "holds f16/m-00001-of-00002.gguf", "to get it: moa model pull org/many-GGUF:Q5_K")]
    [InlineData("org/name:config.json", "config.json is no model")]
    public void What_is_not_there_is_said_with_the_command_that_gets_it(string name, params string[] words)
    {
        string message = Assert.Throws<InvalidInputException>(() => _cache.Resolve(name)).Message;
        Assert.DoesNotContain('\n', message);
        Assert.All(words, word => Assert.Contains(word, message, StringComparison.Ordinal));
    }

    /// <summary>A path that exists wins; what cannot be a name, and what looks like a path, stays a path.</summary>
    [Theory]
    [InlineData("none")]
    [InlineData("models/none.gguf")]
    [InlineData("./org/name")]
    [InlineData("/org/name")]
    [InlineData("../name")]
    [InlineData("a/b/c")]
    [InlineData("org/name@../../x")]
    [InlineData("org/name:../x.gguf")]
    [InlineData("C:\\models\\x")]
    [InlineData("org--x/name")]
    public void What_is_no_name_stays_a_path(string text) => Assert.Equal(text, _cache.Resolve(text));

    [Fact]
    public void A_path_that_exists_wins()
    {
        string here = Path.Combine(_folder.Path, "here");
        _ = Directory.CreateDirectory(here);
        Assert.Equal(here, _cache.Resolve(here));
    }

    [Fact]
    public void A_reference_that_is_no_commit_is_refused()
    {
        Ref("models--org--name", "odd", "../../../etc");
        Assert.Contains("is no commit", Assert.Throws<InvalidInputException>(() => _cache.Resolve("org/name@odd")).Message, StringComparison.Ordinal);
        Ref("models--org--name", "gone", "cccc000000000000000000000000000000000004");
        Assert.Contains("moa model pull org/name@gone", Assert.Throws<InvalidInputException>(() => _cache.Resolve("org/name@gone")).Message, StringComparison.Ordinal);
    }

    /// <summary>A link whose content was deleted counts as missing.</summary>
    [Fact]
    public void A_link_without_content_does_not_count()
    {
        File.Delete(Path.Combine(_folder.Path, "models--org--one-GGUF", "blobs", Blob(First, "m.Q4_0.gguf")));
        Assert.Contains("without weights", Assert.Throws<InvalidInputException>(() => _cache.Resolve("org/one-GGUF")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_list_says_what_is_there()
    {
        IReadOnlyList<CachedModel> models = _cache.List();
        Assert.Equal(["gpt2", "org/many-GGUF", "org/name", "org/one-GGUF"], models.Select(model => model.Repository));
        CachedModel name = models[2];
        Assert.Equal([First, Second, Third], name.Snapshots.Select(snapshot => snapshot.Commit));
        Assert.Equal(["refs/pr/1", "v1"], name.Snapshots[0].Revisions);
        Assert.Equal((2, 2L * 7, true), (name.Snapshots[0].Files, name.Snapshots[0].Bytes, name.Snapshots[0].IsFolderModel));
        Assert.Equal(5, models[1].Snapshots[0].GgufFiles.Count);
        Assert.Empty(new HubCache(Path.Combine(_folder.Path, "none")).List());
    }

    // The variables as huggingface_hub's documentation describes them.
    [Theory]
    [InlineData("/c/hub", "HF_HUB_CACHE=/c/hub", "HUGGINGFACE_HUB_CACHE=/old", "HF_HOME=/home")]
    [InlineData("/old", "HUGGINGFACE_HUB_CACHE=/old", "HF_HOME=/home")]
    [InlineData("/home/hub", "HF_HOME=/home", "XDG_CACHE_HOME=/xdg")]
    [InlineData("/xdg/huggingface/hub", "XDG_CACHE_HOME=/xdg")]
    [InlineData("~/.cache/huggingface/hub", "HF_HOME=")]
    [InlineData("~/x/hub", "HF_HOME=~/x")]
    public void The_folder_follows_the_variables(string expected, params string[] variables)
    {
        HubSettings settings = HubSettings.From(Variables(variables));
        string home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        Assert.Equal(expected.Replace("~", home, StringComparison.Ordinal), settings.CacheFolder.Replace('\\', '/'));
        Assert.Equal("https://huggingface.co/", settings.Endpoint.ToString());
        Assert.False(settings.IsOffline);
    }

    [Fact]
    public void The_token_comes_from_a_variable_or_a_file()
    {
        _ = _folder.Write("token", " hf_file\n");
        Assert.Equal("hf_a", Token("HF_TOKEN=hf_a\n", "HUGGING_FACE_HUB_TOKEN=hf_b"));
        Assert.Equal("hf_b", Token("HUGGING_FACE_HUB_TOKEN=hf_b"));
        Assert.Equal("hf_file", Token());
        Assert.Null(Token("HF_HUB_DISABLE_IMPLICIT_TOKEN=1"));
        Assert.Null(Token("HF_TOKEN_PATH=/none"));
        string message = Assert.Throws<InvalidInputException>(() => Token("HF_TOKEN=two words")).Message;
        Assert.DoesNotContain("words", message, StringComparison.Ordinal);

        string? Token(params string[] variables) => HubSettings.From(Variables([.. variables, $"HF_HOME={_folder.Path}"])).Token;
    }

    [Theory]
    [InlineData("1")]
    [InlineData("true")]
    [InlineData("ON")]
    public void Offline_is_asked_for_in_several_ways(string value) => Assert.True(HubSettings.From(Variables($"HF_HUB_OFFLINE={value}")).IsOffline);

    [Theory]
    [InlineData("hub.example")]
    [InlineData("ftp://hub.example")]
    [InlineData("http://user:secret@hub.example")]
    public void An_endpoint_that_is_no_address_is_refused(string text) =>
        Assert.Contains("HF_ENDPOINT", Assert.Throws<InvalidInputException>(() => HubSettings.From(Variables($"HF_ENDPOINT={text}"))).Message, StringComparison.Ordinal);

    private static Func<string, string?> Variables(params string[] variables) =>
        name => variables.FirstOrDefault(variable => variable.StartsWith(name + "=", StringComparison.Ordinal))?[(name.Length + 1)..];

    private static string Blob(string commit, string file) => $"{commit[..5]}{file.Replace('/', '-')}";

    private void Add(string repository, string commit, params string[] files)
    {
        string root = Path.Combine(_folder.Path, repository), snapshot = Path.Combine(root, "snapshots", commit);
        _ = Directory.CreateDirectory(Path.Combine(root, "blobs"));
        foreach (string file in files)
        {
            string path = Path.Combine(snapshot, file);
            _ = Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllText(Path.Combine(root, "blobs", Blob(commit, file)), "content");
            File.CreateSymbolicLink(path, string.Concat(Enumerable.Repeat("../", 2 + file.Count(letter => letter == '/'))) + $"blobs/{Blob(commit, file)}");
        }
    }

    private void Ref(string repository, string revision, string commit)
    {
        string file = Path.Combine(_folder.Path, repository, "refs", revision);
        _ = Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllText(file, commit);
    }
}
