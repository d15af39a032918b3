using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using FsCheck.Fluent;
using MoA.Serving;
using MoA.Tests;
using Xunit.Abstractions;

namespace MoA.Server.Tests;

/// <summary>Requests that were made wrong on purpose, of many kinds, by seed: each gets an error in the form of its route or a valid answer, and none leaves anything behind.</summary>
[Collection(Alone)]
public sealed class HostileRequestTests(ITestOutputHelper output)
{
    private const string Alone = "Memory is measured, so nothing else may run";
    private const int AtOnce = 4;

    [CollectionDefinition(Alone, DisableParallelization = true)]
    public sealed class Undisturbed
    {
    }

    [Fact]
    public async Task What_they_are_made_of_is_answered()
    {
        await using TestServer server = await TestServer.StartAsync();
        foreach ((string path, string body) in HostileRequests.Valid)
        {
            using HttpResponseMessage response = await server.Client.PostAsync(path, TestServer.Json(body));
            string text = await response.Content.ReadAsStringAsync();
            Assert.True(response.StatusCode == HttpStatusCode.OK && !text.Contains("\"error\":{", StringComparison.Ordinal), $"{path} {body} → {text}");
        }
    }

    [Fact]
    public async Task Every_request_gets_an_error_in_its_form_or_a_valid_answer()
    {
        List<string> log = [];
        ConcurrentDictionary<HttpStatusCode, int> statuses = new();
        await using TestServer server = await TestServer.StartAsync(
            new ServerOptions { LongestRequest = TimeSpan.FromSeconds(10), MaxBodyBytes = 100_000, Log = line => { lock (log) log.Add(line); } },
            new ServiceOptions { CacheBytes = 8 << 20, DefaultNewTokens = 4 });

        await LeavesNothingAsync(server, cases => Prop.ForAll(Gen.Choose(0, int.MaxValue - AtOnce).ToArbitrary(), seed =>
            Task.WhenAll(Enumerable.Range(seed, AtOnce).Select(async s => statuses.AddOrUpdate(await CheckAsync(server, new Random(s)), 1, (_, count) => count + 1))).GetAwaiter().GetResult()).Holds(cases), 100);

        output.WriteLine(string.Join(", ", statuses.OrderBy(status => status.Key).Select(status => $"{(int)status.Key}: {status.Value}")));
        Assert.True(statuses[HttpStatusCode.OK] > statuses.Values.Sum() / 10, "hardly any request gets as far as the model");
        Assert.Empty(log);
    }

    [Fact]
    public async Task Bytes_that_are_no_HTTP_are_answered_or_cut_off_and_harm_nobody()
    {
        List<string> log = [];
        await using TestServer server = await TestServer.StartAsync(
            new ServerOptions { MaxBodyBytes = 100_000, Log = line => { lock (log) log.Add(line); } }, new ServiceOptions { CacheBytes = 8 << 20, DefaultNewTokens = 4 });
        int port = new Uri(server.Server.Address).Port;

        await LeavesNothingAsync(server, cases => Prop.ForAll(Gen.Choose(0, int.MaxValue - AtOnce).ToArbitrary(), seed =>
            Task.WhenAll(Enumerable.Range(seed, AtOnce).Select(s => SendBytesAsync(port, new Random(s)))).GetAwaiter().GetResult()).Holds(cases), 50);

        (string path, string body) = HostileRequests.Valid[0];
        _ = await server.AskAsync(path, body);
        Assert.Empty(log);
    }

    // What the first requests leave (code, pools, kept prefixes) stays; the others must add nothing.
    private static async Task LeavesNothingAsync(TestServer server, Action<int> ask, int cases)
    {
        ask(Math.Min(cases, 50));
        (long memory, int files) = await MeasureAsync(server);
        ask(cases);
        (long memoryAfter, int filesAfter) = await MeasureAsync(server);
        Assert.InRange(memoryAfter, 0, memory + (16 << 20));
        Assert.InRange(filesAfter, 0, files + 40);
    }

    private static async Task<(long Memory, int Files)> MeasureAsync(TestServer server)
    {
        using CancellationTokenSource end = new(TimeSpan.FromSeconds(20));
        while (server.Service.State is { Running: > 0 } or { Waiting: > 0 })
            await Task.Delay(5, end.Token);
        ServiceState state = server.Service.State;
        Assert.Equal(state.PrefixBytes, state.CacheBytes);
        await Task.Delay(100, end.Token);
        using Process process = Process.GetCurrentProcess();
        return (GC.GetTotalMemory(forceFullCollection: true), process.HandleCount);
    }

    private static async Task<HttpStatusCode> CheckAsync(TestServer server, Random random)
    {
        (HttpMethod method, string path, byte[]? bytes) = Draw(random);
        using HttpRequestMessage request = new(method, path);
        if (bytes is not null)
        {
            request.Content = new ByteArrayContent(bytes);
            request.Content.Headers.TryAddWithoutValidation("Content-Type", random.Next(20) == 0 ? HostileRequests.OddTypes[random.Next(HostileRequests.OddTypes.Length)] : "application/json");
            request.Headers.TransferEncodingChunked = random.Next(4) == 0;
        }

        if (random.Next(10) == 0)
        {
            (string name, string value) = HostileRequests.OddHeaders[random.Next(HostileRequests.OddHeaders.Length)];
            if (!request.Headers.TryAddWithoutValidation(name, value))
                request.Content?.Headers.TryAddWithoutValidation(name, value);
        }

        using HttpResponseMessage response = await server.Client.SendAsync(request);
        string text = await response.Content.ReadAsStringAsync();
        string about = $"{method} {path} {request.Headers} {Encoding.Latin1.GetString(bytes ?? [])} → {(int)response.StatusCode} {text}";
        if (!response.Headers.Contains("X-Request-Id"))
        {
            Assert.InRange((int)response.StatusCode, 400, 499); // no HTTP for Kestrel
            return response.StatusCode;
        }

        if (response.StatusCode == HttpStatusCode.OK && response.Content.Headers.ContentType!.MediaType == "text/event-stream")
        {
            // A long text may take too long for anyone; that is an event then.
            Assert.All(TestServer.ReadEvents(text).Where(e => e.Data != "[DONE]"), e => TestServer.Parse(e.Data));
            return response.StatusCode;
        }

        Assert.True(text.StartsWith('{'), about);
        JsonElement answer = TestServer.Parse(text);
        if (response.StatusCode == HttpStatusCode.OK)
            return response.StatusCode;
        Assert.True((int)response.StatusCode is 400 or 403 or 404 or 405 or 413 or 415 or 429 or 503 or 504, about);
        JsonElement error = answer.GetProperty("error");
        Assert.True(error.GetProperty("message").GetString()!.Length is > 0 and < 2000, about);
        Assert.True(path.StartsWith("/v1/messages", StringComparison.Ordinal) ? answer.GetProperty("type").ValueEquals("error") : error.TryGetProperty("param", out _), about);
        return response.StatusCode;
    }

    private static (HttpMethod Method, string Path, byte[]? Body) Draw(Random random)
    {
        if (random.Next(12) == 0)
            return (HttpMethod.Get, HostileRequests.OddPath(random), null);
        (string path, string body) = HostileRequests.Valid[random.Next(HostileRequests.Valid.Length)];
        byte[] bytes = random.Next(4) == 0
            ? HostileRequests.MutateBytes(Encoding.UTF8.GetBytes(body), random)
            : Encoding.UTF8.GetBytes(HostileRequests.MutateJson(body, random));
        return (HttpMethod.Post, path, bytes);
    }

    private static async Task SendBytesAsync(int port, Random random)
    {
        byte[] bytes = HostileRequests.MutateBytes(HostileRequests.Raw(random), random);
        using Socket socket = new(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(IPAddress.Loopback, port);
        try
        {
            int part = random.Next(3) == 0 ? random.Next(bytes.Length) : 0; // in two packets, or in one
            await socket.SendAsync(bytes.AsMemory(0, part));
            await socket.SendAsync(bytes.AsMemory(part));
            if (random.Next(20) == 0)
                return; // gone without a word
            socket.Shutdown(SocketShutdown.Send);
            using CancellationTokenSource end = new(TimeSpan.FromSeconds(20));
            byte[] buffer = new byte[65536];
            StringBuilder answer = new();
            int read;
            while ((read = await socket.ReceiveAsync(buffer, end.Token)) > 0)
                answer.Append(Encoding.Latin1.GetString(buffer, 0, read));
            string text = answer.ToString();
            Assert.True(text.Length == 0 || text.StartsWith("HTTP/1.1 ", StringComparison.Ordinal), text);
            Assert.False(text.Contains("HTTP/1.1 500", StringComparison.Ordinal), $"{Encoding.Latin1.GetString(bytes)} → {text}");
        }
        catch (SocketException)
        {
            // Cut off.
        }
    }
}
