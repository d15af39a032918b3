using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using MoA.Engine;
using MoA.Serving;

namespace MoA.Server.Tests;

public class SafetyTests
{
    private const string Chat = "/v1/chat/completions";

    [Fact]
    public async Task Without_the_key_nothing_but_health_and_the_page_is_to_be_had()
    {
        await using TestServer server = await TestServer.StartAsync(new ServerOptions { ApiKey = "secret" });
        foreach (string path in (string[])["/health", "/ready", "/", "/openapi/v1.json"])
            Assert.Equal(HttpStatusCode.OK, await Status(path, null));
        foreach (string path in (string[])["/v1/models", "/metrics", "/moa/state", "/nothing"])
        {
            Assert.Equal(HttpStatusCode.Unauthorized, await Status(path, null));
            Assert.Equal(HttpStatusCode.Unauthorized, await Status(path, ("Authorization", "Bearer wrong")));
            Assert.Equal(HttpStatusCode.Unauthorized, await Status(path, ("Authorization", "Basic secret")));
        }

        Assert.Equal(HttpStatusCode.OK, await Status("/v1/models", ("Authorization", "Bearer secret")));
        Assert.Equal(HttpStatusCode.OK, await Status("/v1/models", ("x-api-key", "secret")));
        (HttpStatusCode status, JsonElement body) = await server.PostAsync("/v1/messages", "{}");
        Assert.Equal(HttpStatusCode.Unauthorized, status);
        Assert.Equal("authentication_error", body.GetProperty("error").GetProperty("type").GetString());

        async Task<HttpStatusCode> Status(string path, (string Name, string Value)? header)
        {
            using HttpRequestMessage request = new(HttpMethod.Get, path);
            if (header is (string name, string value))
                request.Headers.TryAddWithoutValidation(name, value);
            using HttpResponseMessage response = await server.Client.SendAsync(request);
            return response.StatusCode;
        }
    }

    [Theory]
    [InlineData("0.0.0.0")]
    [InlineData("*")]
    [InlineData("::")]
    [InlineData("192.0.2.1")]
    public async Task Beyond_loopback_a_key_is_required(string host)
    {
        await using TestServer server = await TestServer.StartAsync();
        InvalidInputException failure = await Assert.ThrowsAsync<InvalidInputException>(
            () => ModelServer.StartAsync(server.Service, new ServerOptions { Host = host, Port = 0 }));
        Assert.Contains("key is required", failure.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("2\r\n{}\r\n0\r\nX-Trailer: \u008d\r\n\r\n")]
    [InlineData("2\r\n{}\r\n0\r\nX-Trailer: a\0b\r\n\r\n")]
    [InlineData("2\r\n{}\r\n0\r\n: a\r\n\r\n")]
    [InlineData("2\r\n{}\r\n0\r\nno trailer\r\n\r\n")]
    [InlineData("90000000000\r\n{}")]
    [InlineData("80000000\r\n{}")]
    [InlineData("-1\r\n{}")]
    [InlineData("2\r\n{}2\r\n")]
    public async Task Malformed_chunks_and_trailers_are_the_callers_fault(string body)
    {
        List<string> log = [];
        await using TestServer server = await TestServer.StartAsync(new ServerOptions { Log = log.Add });
        using Socket socket = new(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(IPAddress.Loopback, new Uri(server.Server.Address).Port);
        await socket.SendAsync(Encoding.Latin1.GetBytes(
            $"POST /tokenize HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n{body}"));
        await using NetworkStream stream = new(socket);
        using StreamReader reader = new(stream);
        Assert.StartsWith("HTTP/1.1 400", await reader.ReadToEndAsync(), StringComparison.Ordinal);
        Assert.Empty(log);
    }

    [Fact]
    public void Options_out_of_range_are_refused()
    {
        new ServerOptions().Check();
        foreach (ServerOptions wrong in (ServerOptions[])
            [new() { Port = -1 }, new() { Port = 65536 }, new() { ApiKey = " " }, new() { MaxBodyBytes = 0 }, new() { MaxConcurrentRequests = 0 },
             new() { LongestRequest = TimeSpan.Zero }, new() { PingInterval = TimeSpan.FromSeconds(-1) }, new() { LongestStop = TimeSpan.MaxValue }])
        {
            Assert.Throws<InvalidInputException>(wrong.Check);
        }
    }

    [Theory]
    [InlineData("localhost:1", 200)]
    [InlineData("127.0.0.1", 200)]
    [InlineData("[::1]:80", 200)]
    [InlineData("proxy.example", 200)]
    [InlineData("evil.example", 403)]
    [InlineData("localhost.evil.example", 403)]
    [InlineData("192.168.1.1", 403)]
    public async Task On_loopback_other_hosts_are_refused(string host, int expected)
    {
        await using TestServer server = await TestServer.StartAsync(new ServerOptions { AllowedHosts = ["proxy.example"] });
        using HttpRequestMessage request = new(HttpMethod.Get, "/v1/models") { Headers = { Host = host } };
        using HttpResponseMessage response = await server.Client.SendAsync(request);
        Assert.Equal(expected, (int)response.StatusCode);
    }

    [Fact]
    public async Task Pages_of_other_origins_get_nothing_unless_they_are_allowed()
    {
        await using TestServer closed = await TestServer.StartAsync();
        await using TestServer open = await TestServer.StartAsync(new ServerOptions { AllowedOrigins = ["https://chat.example"] });
        Assert.Null(await Preflight(closed, "https://chat.example"));
        Assert.Equal("https://chat.example", await Preflight(open, "https://chat.example"));
        Assert.Null(await Preflight(open, "https://evil.example"));

        // What a page may send without being asked first.
        using StringContent plain = new("""{"messages":[{"role":"user","content":"x"}]}""", Encoding.UTF8, "text/plain");
        using HttpResponseMessage response = await closed.Client.PostAsync(Chat, plain);
        Assert.Equal(HttpStatusCode.UnsupportedMediaType, response.StatusCode);

        static async Task<string?> Preflight(TestServer server, string origin)
        {
            using HttpRequestMessage request = new(HttpMethod.Options, Chat);
            request.Headers.Add("Origin", origin);
            request.Headers.Add("Access-Control-Request-Method", "POST");
            using HttpResponseMessage response = await server.Client.SendAsync(request);
            return response.Headers.TryGetValues("Access-Control-Allow-Origin", out IEnumerable<string>? values) ? values.Single() : null;
        }
    }

    [Fact]
    public async Task Wrong_paths_methods_types_and_sizes_have_their_statuses_in_OpenAIs_form()
    {
        await using TestServer server = await TestServer.StartAsync(new ServerOptions { MaxBodyBytes = 1000 });
        await Expect(404, new HttpRequestMessage(HttpMethod.Get, "/v2/models"));
        await Expect(404, new HttpRequestMessage(HttpMethod.Get, "/v1/models/gpt-4"));
        await Expect(405, new HttpRequestMessage(HttpMethod.Get, Chat));
        await Expect(405, new HttpRequestMessage(HttpMethod.Delete, "/health"));
        await Expect(413, new HttpRequestMessage(HttpMethod.Post, Chat) { Content = TestServer.Json($"{{\"a\":\"{new string('x', 2000)}\"}}") });
        await Expect(415, new HttpRequestMessage(HttpMethod.Post, Chat) { Content = new StringContent("{}", Encoding.UTF8, "text/html") });
        await Expect(415, new HttpRequestMessage(HttpMethod.Post, Chat) { Content = new StringContent("{}", Encoding.Unicode, "application/json") });
        HttpRequestMessage packed = new(HttpMethod.Post, Chat) { Content = TestServer.Json("{}") };
        packed.Content.Headers.ContentEncoding.Add("gzip");
        await Expect(415, packed);
        HttpRequestMessage chunked = new(HttpMethod.Post, Chat) { Content = TestServer.Json($"{{\"a\":\"{new string('x', 2000)}\"}}") };
        chunked.Headers.TransferEncodingChunked = true;
        await Expect(413, chunked);

        async Task Expect(int status, HttpRequestMessage request)
        {
            using (request)
            {
                using HttpResponseMessage response = await server.Client.SendAsync(request);
                Assert.Equal(status, (int)response.StatusCode);
                JsonElement error = TestServer.Parse(await response.Content.ReadAsStringAsync()).GetProperty("error");
                Assert.NotEmpty(error.GetProperty("message").GetString()!);
                if (status == 405)
                    Assert.NotEmpty(response.Content.Headers.Allow);
            }
        }
    }

    [Theory]
    [InlineData("content-length: 16777216", 413)]
    [InlineData("content-length: 16777216\r\nauthorization: Bearer wrong", 401)]
    public async Task Who_sends_too_much_still_learns_why(string headers, int status)
    {
        await using TestServer server = await TestServer.StartAsync(new ServerOptions { MaxBodyBytes = 1000, ApiKey = "key" });
        using System.Net.Sockets.TcpClient client = new();
        await client.ConnectAsync(server.Client.BaseAddress!.Host, server.Client.BaseAddress.Port);
        System.Net.Sockets.NetworkStream stream = client.GetStream();
        string key = status == 401 ? "" : "authorization: Bearer key\r\n";
        await stream.WriteAsync(System.Text.Encoding.ASCII.GetBytes($"POST {Chat} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n{key}{headers}\r\n\r\n"));
        byte[] body = new byte[1 << 20];
        body.AsSpan().Fill((byte)' ');
        for (int i = 0; i < 16; i++)
            await stream.WriteAsync(body); // all of it before anything is read, as many clients do
        using StreamReader reader = new(stream);
        Assert.StartsWith($"HTTP/1.1 {status} ", await reader.ReadLineAsync());
    }

    [Fact]
    public async Task Who_leaves_cancels_the_answer_at_once()
    {
        await using TestServer server = await TestServer.StartAsync();
        string prompt = string.Concat(Enumerable.Repeat("one two three ", 500));
        foreach (string streams in (string[])["true", "false"])
        {
            long before = server.Service.State.Cancelled;
            using CancellationTokenSource leave = new();
            Task asked = server.Client.SendAsync(
                new HttpRequestMessage(HttpMethod.Post, Chat)
                {
                    Content = TestServer.Json($$"""{"messages":[{"role":"user","content":"{{prompt}}"}],"logit_bias":{"65":100},"max_tokens":500,"stream":{{streams}}}"""),
                },
                leave.Token);
            while (server.Service.State.Running == 0 && !asked.IsCompleted)
                await Task.Delay(1);
            await leave.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => asked);
            Stopwatch clock = Stopwatch.StartNew();
            while (server.Service.State.Cancelled == before && clock.Elapsed < TimeSpan.FromSeconds(5))
                await Task.Delay(1);
            Assert.Equal(before + 1, server.Service.State.Cancelled);
            Assert.Equal(0, server.Service.State.Running);
        }
    }

    [Fact]
    public async Task More_than_may_be_answered_at_one_time_come_back_later()
    {
        await using TestServer server = await TestServer.StartAsync(new ServerOptions { MaxConcurrentRequests = 1 });
        using HttpRequestMessage request = new(HttpMethod.Post, Chat) { Content = TestServer.Json(Endless) };
        using HttpResponseMessage first = await server.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        using HttpResponseMessage second = await server.Client.PostAsync(Chat, TestServer.Json(Endless));
        Assert.Equal(HttpStatusCode.TooManyRequests, second.StatusCode);
        Assert.NotNull(second.Headers.RetryAfter);
        Assert.Equal(HttpStatusCode.OK, (await server.Client.GetAsync("/health")).StatusCode);
    }

    [Fact]
    public async Task A_reader_that_stalls_is_cut_off_and_holds_nobody_up()
    {
        await using TestServer server = await TestServer.StartAsync(new ServerOptions { LongestStall = TimeSpan.FromSeconds(1) });
        using Socket socket = new(SocketType.Stream, ProtocolType.Tcp) { ReceiveBufferSize = 1024 };
        await socket.ConnectAsync(IPAddress.Loopback, new Uri(server.Server.Address).Port);
        // Twenty likeliest tokens each make more than any buffer holds.
        string body = """{"messages":[{"role":"user","content":"x"}],"max_tokens":3500,"n":4,"stream":true,"logit_bias":{"65":100},"logprobs":true,"top_logprobs":20}""";
        await socket.SendAsync(Encoding.UTF8.GetBytes(
            $"POST {Chat} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {body.Length}\r\n\r\n{body}"));
        while (server.Service.State.Running == 0)
            await Task.Delay(1);
        JsonElement other = await server.AskAsync(Chat, """{"messages":[{"role":"user","content":"x"}],"max_tokens":5}""");
        Assert.True(other.GetProperty("usage").GetProperty("completion_tokens").GetInt32() > 0);
        Stopwatch clock = Stopwatch.StartNew();
        while (server.Service.State.Running > 0)
        {
            Assert.True(clock.Elapsed < TimeSpan.FromSeconds(60), "the reader was not cut off");
            await Task.Delay(10);
        }
    }

    [Fact]
    public async Task A_stop_lets_answers_end_and_takes_no_more()
    {
        await using TestServer server = await TestServer.StartAsync(new ServerOptions { LongestStop = TimeSpan.FromSeconds(30) });
        Task<List<(string? Name, string Data)>> running = server.StreamAsync(
            Chat, """{"messages":[{"role":"user","content":"x"}],"max_tokens":600,"stream":true,"logit_bias":{"65":100}}""");
        while (server.Service.State.Running == 0)
            await Task.Delay(1);
        Task stopped = server.Server.StopAsync();
        using HttpResponseMessage ready = await server.Client.GetAsync("/ready");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, ready.StatusCode);
        JsonElement error = await server.FailAsync(Chat, """{"messages":[{"role":"user","content":"x"}]}""", HttpStatusCode.ServiceUnavailable);
        Assert.Equal("stopping", error.GetProperty("code").GetString());
        Assert.Equal("[DONE]", (await running)[^1].Data);
        await stopped;
        await Assert.ThrowsAsync<HttpRequestException>(() => server.Client.GetAsync("/health"));
    }

    [Fact]
    public async Task What_does_not_end_in_time_is_cut_off_with_an_error()
    {
        await using TestServer server = await TestServer.StartAsync(
            new ServerOptions { LongestStop = TimeSpan.FromMilliseconds(100), LongestRequest = TimeSpan.FromSeconds(30) });
        Task<List<(string? Name, string Data)>> running = server.StreamAsync(Chat, Endless);
        while (server.Service.State.Running == 0)
            await Task.Delay(1);
        await server.Server.StopAsync();
        JsonElement error = TestServer.Parse((await running)[^1].Data).GetProperty("error");
        Assert.Equal("server_error", error.GetProperty("type").GetString());

        await using TestServer hasty = await TestServer.StartAsync(new ServerOptions { LongestRequest = TimeSpan.FromMilliseconds(200) });
        error = await hasty.FailAsync(Chat, Endless.Replace("\"stream\":true,", "", StringComparison.Ordinal), HttpStatusCode.GatewayTimeout);
        Assert.Equal("timeout", error.GetProperty("code").GetString());
        Assert.Equal("timeout", TestServer.Parse((await hasty.StreamAsync(Chat, Endless))[^1].Data).GetProperty("error").GetProperty("code").GetString());
    }

    [Fact]
    public async Task Pings_come_while_a_long_prompt_is_read()
    {
        await using TestServer server = await TestServer.StartAsync(new ServerOptions { PingInterval = TimeSpan.FromMilliseconds(20) });
        string prompt = string.Concat(Enumerable.Repeat("one two three ", 500));
        foreach ((string path, string ping) in (IEnumerable<(string, string)>)[(Chat, "\n: ping\n"), ("/v1/messages", "event: ping\ndata: {\"type\":\"ping\"}\n")])
        {
            using HttpResponseMessage response = await server.Client.PostAsync(
                path, TestServer.Json($$"""{"messages":[{"role":"user","content":"{{prompt}}{{path}}"}],"max_tokens":2,"stream":true}"""));
            string body = await response.Content.ReadAsStringAsync();
            Assert.Contains(ping, body, StringComparison.Ordinal);
            _ = TestServer.ReadEvents(body);
        }
    }

    private const string Endless = """{"messages":[{"role":"user","content":"x"}],"stream":true,"max_tokens":4000,"logit_bias":{"65":100}}""";
}
