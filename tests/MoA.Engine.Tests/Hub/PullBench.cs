using MoA.Engine.Hub;
using MoA.Tests;

namespace MoA.Engine.Tests.Hub;

/// <summary>A hub, an empty cache, and what is needed to pull from the one into the other.</summary>
internal sealed class PullBench : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public PullBench()
    {
        Server.Small["config.json"] = "{\"model_type\":\"llama\"}"u8.ToArray();
        Server.Small["tokenizer.json"] = HubServer.Content(3000, 1);
        Server.Large["model.safetensors"] = HubServer.Content(3_000_000, 2);
    }

    public HubServer Server { get; } = new();

    public string CacheFolder => Path.Combine(_folder.Path, "cache");

    public string RepositoryFolder => Path.Combine(CacheFolder, "models--org--name");

    public string Outside => _folder.Path;

    public HubSettings Settings => new()
    {
        Endpoint = new Uri(Server.Endpoint),
        CacheFolder = CacheFolder,
        Token = HubServer.Token,
        FirstRetryDelay = TimeSpan.FromMilliseconds(1),
        Patience = TimeSpan.FromSeconds(20),
    };

    public string BlobOf(byte[] content, bool isLarge = true, string ending = "") =>
        Path.Combine(RepositoryFolder, "blobs", (isLarge ? HubServer.Sha256Of(content) : HubServer.GitHashOf(content)) + ending);

    public string[] Blobs() => Directory.Exists(Path.Combine(RepositoryFolder, "blobs"))
        ? [.. Directory.GetFiles(Path.Combine(RepositoryFolder, "blobs")).Select(file => Path.GetFileName(file)).Order(StringComparer.Ordinal)]
        : [];

    public string[] Files() =>
        [.. Directory.GetFiles(Path.Combine(RepositoryFolder, "snapshots", HubServer.Commit), "*", SearchOption.AllDirectories)
            .Select(file => Path.GetRelativePath(Path.Combine(RepositoryFolder, "snapshots", HubServer.Commit), file)).Order(StringComparer.Ordinal)];

    public PulledModel Pull(string name = HubServer.Repository, HubSettings? settings = null, CancellationToken cancellation = default, params string[] patterns) =>
        new ModelPull(settings ?? Settings).RunAsync(HubName.TryParse(name)!, patterns, _ => { }, cancellation).GetAwaiter().GetResult();

    public PulledModel Plan(string name = HubServer.Repository, params string[] patterns) =>
        new ModelPull(Settings).PlanAsync(HubName.TryParse(name)!, patterns, _ => { }).GetAwaiter().GetResult();

    /// <summary>The one line that says why a pull failed.</summary>
    public string Failure<T>(string name = HubServer.Repository, HubSettings? settings = null, params string[] patterns)
        where T : Exception
    {
        string message = Assert.ThrowsAny<T>(() => Pull(name, settings, default, patterns)).Message;
        Assert.DoesNotContain('\n', message);
        Assert.DoesNotContain(HubServer.Token, message, StringComparison.Ordinal);
        return message;
    }

    public void Dispose()
    {
        Server.Dispose();
        _folder.Dispose();
    }
}
