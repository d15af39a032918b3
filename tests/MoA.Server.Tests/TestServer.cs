using System.Net;
using System.Text;
using System.Text.Json;
using MoA.Engine.Generation;
using MoA.Engine.Kernels;
using MoA.Serving;

namespace MoA.Server.Tests;

/// <summary>The demo model behind Kestrel on a free port.</summary>
public sealed class TestServer : IAsyncLifetime, IAsyncDisposable
{
    private ComputeBackend _backend = null!;

    public TestServer()
    {
    }

    public LanguageModel Model { get; private set; } = null!;

    public ModelService Service { get; private set; } = null!;

    public HttpClient Client { get; private set; } = null!;

    internal ModelServer Server { get; private set; } = null!;

    public static async Task<TestServer> StartAsync(ServerOptions? options = null, ServiceOptions? service = null)
    {
        TestServer server = new();
        await server.StartWithAsync(options ?? new ServerOptions(), service ?? new ServiceOptions { CacheBytes = 256 << 20 });
        return server;
    }

    public Task InitializeAsync() => StartWithAsync(new ServerOptions(), new ServiceOptions { CacheBytes = 256 << 20 });

    Task IAsyncLifetime.DisposeAsync() => DisposeAsync().AsTask();

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await Server.DisposeAsync();
        await Service.DisposeAsync();
        Model.Dispose();
        _backend.Dispose();
    }

    /// <summary>Sends JSON and reads the answer, of whatever status.</summary>
    public async Task<(HttpStatusCode Status, JsonElement Body)> PostAsync(string path, string json)
    {
        using HttpResponseMessage response = await Client.PostAsync(path, Json(json));
        return (response.StatusCode, Parse(await response.Content.ReadAsStringAsync()));
    }

    /// <summary>Sends JSON that is to be answered with 200.</summary>
    public async Task<JsonElement> AskAsync(string path, string json)
    {
        (HttpStatusCode status, JsonElement body) = await PostAsync(path, json);
        Assert.True(status == HttpStatusCode.OK, body.GetRawText());
        return body;
    }

    /// <summary>Sends JSON that is to be answered with an error in OpenAI's form.</summary>
    public async Task<JsonElement> FailAsync(string path, string json, HttpStatusCode expected = HttpStatusCode.BadRequest)
    {
        (HttpStatusCode status, JsonElement body) = await PostAsync(path, json);
        Assert.Equal(expected, status);
        return body.GetProperty("error");
    }

    /// <summary>Sends JSON and reads the events of the answer: their names, if they have any, and their data.</summary>
    public async Task<List<(string? Name, string Data)>> StreamAsync(string path, string json)
    {
        using HttpRequestMessage request = new(HttpMethod.Post, path) { Content = Json(json) };
        using HttpResponseMessage response = await Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        string body = await response.Content.ReadAsStringAsync();
        Assert.True(response.StatusCode == HttpStatusCode.OK, body);
        Assert.Equal("text/event-stream", response.Content.Headers.ContentType!.MediaType);
        return ReadEvents(body);
    }

    /// <summary>Events as the standard has them: blank lines end them, lines that begin with a colon are comments.</summary>
    public static List<(string? Name, string Data)> ReadEvents(string body)
    {
        List<(string?, string)> events = [];
        Assert.EndsWith("\n\n", body, StringComparison.Ordinal);
        foreach (string part in body.Split("\n\n", StringSplitOptions.RemoveEmptyEntries))
        {
            string? name = null;
            StringBuilder data = new();
            foreach (string line in part.Split('\n'))
            {
                if (line.StartsWith("event: ", StringComparison.Ordinal))
                    name = line[7..];
                else if (line.StartsWith("data: ", StringComparison.Ordinal))
                    data.Append(line.AsSpan(6));
                else
                    Assert.StartsWith(":", line, StringComparison.Ordinal);
            }

            if (data.Length > 0)
                events.Add((name, data.ToString()));
        }

        return events;
    }

    public static StringContent Json(string json) => new(json, Encoding.UTF8, "application/json");

    public static JsonElement Parse(string json)
    {
        using JsonDocument document = JsonDocument.Parse(json);
        return document.RootElement.Clone();
    }

    private async Task StartWithAsync(ServerOptions options, ServiceOptions service)
    {
        _backend = ComputeBackend.CreateCpu(1);
        Model = LanguageModel.Load(MoA.Tests.RepositoryFiles.DemoModel, _backend);
        Service = new ModelService(Model, service);
        Server = await ModelServer.StartAsync(Service, options with { Port = 0 });
        Client = new HttpClient { BaseAddress = new Uri(Server.Address), Timeout = TimeSpan.FromSeconds(60) };
    }
}
