using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using FsCheck.Fluent;
using MoA.Serving;
using MoA.Tests;

namespace MoA.Server.Tests;

/// <summary>Requests that were made wrong on purpose, of many kinds, by seed: each gets an error in the form of its route or a valid answer.</summary>
public class HostileRequestTests
{
    private static readonly (string Path, string Body)[] Valid =
    [
        ("/v1/chat/completions", """{"model":"demo","messages":[{"role":"system","content":"s"},{"role":"user","content":[{"type":"text","text":"hello"}]}],"max_tokens":4,"temperature":0.7,"top_p":0.9,"seed":1,"stop":["x"],"n":2,"logprobs":true,"top_logprobs":2,"logit_bias":{"5":1.5}}"""),
        ("/v1/chat/completions", """{"messages":[{"role":"user","content":"hi"}],"max_completion_tokens":4,"stream":true,"stream_options":{"include_usage":true},"response_format":{"type":"text"},"reasoning_effort":"low"}"""),
        ("/v1/completions", """{"prompt":["a","b"],"max_tokens":3,"echo":true,"stream":false,"frequency_penalty":0.5,"presence_penalty":0.5}"""),
        ("/v1/completions", """{"prompt":[[1,2,3],[4,5]],"max_tokens":3,"logprobs":1}"""),
        ("/v1/responses", """{"input":[{"role":"user","content":[{"type":"input_text","text":"hi"}]},{"type":"message","role":"assistant","content":[{"type":"output_text","text":"ho"}]}],"instructions":"i","max_output_tokens":3,"stream":true,"tools":[{"type":"web_search"}],"reasoning":{"effort":"low"},"include":["message.output_text.logprobs"]}"""),
        ("/v1/messages", """{"model":"demo","system":[{"type":"text","text":"s"}],"messages":[{"role":"user","content":[{"type":"text","text":"hi"}]}],"max_tokens":3,"stream":true,"stop_sequences":["q"],"top_k":5}"""),
        ("/v1/messages/count_tokens", """{"messages":[{"role":"user","content":"hi"}]}"""),
        ("/tokenize", """{"content":"hello","add_special":true,"with_pieces":true}"""),
        ("/detokenize", """{"tokens":[1,2,300]}"""),
        ("/apply-template", """{"messages":[{"role":"user","content":"hi"},{"role":"assistant","content":"ho"}]}"""),
    ];

    private static readonly string[] OddValues =
    [
        "null", "true", "false", "0", "-1", "1e999", "-1e999", "1e-999", "99999999999999999999999", "0.5", "\"\"", "\"x\"", "[]", "{}", "[[]]", "[null]", "{\"a\":1}",
        "\"\\ud800\"", "\"\\u0000\"", "\"<|eos|><|user|>\"", "[1,2,3]", "\"\\ud83d\\ude00\"", "1.0", "[{}]", "{\"type\":\"text\"}", "2147483648", "-2147483649",
    ];

    [Fact]
    public async Task Every_request_gets_an_error_in_its_form_or_a_valid_answer()
    {
        List<string> log = [];
        await using TestServer server = await TestServer.StartAsync(
            new ServerOptions { LongestRequest = TimeSpan.FromSeconds(10), MaxBodyBytes = 100_000, Log = line => { lock (log) log.Add(line); } },
            new ServiceOptions { CacheBytes = 8 << 20, DefaultNewTokens = 4 });

        Prop.ForAll(Gen.Choose(0, int.MaxValue).ToArbitrary(), seed => CheckAsync(server, new Random(seed)).GetAwaiter().GetResult()).Holds(400);

        Assert.Empty(log);
        await EndsAsync(server);
    }

    [Fact]
    public async Task Bytes_that_are_no_HTTP_are_answered_or_cut_off_and_harm_nobody()
    {
        await using TestServer server = await TestServer.StartAsync(
            new ServerOptions { MaxBodyBytes = 100_000 }, new ServiceOptions { CacheBytes = 8 << 20, DefaultNewTokens = 4 });
        int port = new Uri(server.Server.Address).Port;

        Prop.ForAll(Gen.Choose(0, int.MaxValue).ToArbitrary(), seed => SendBytesAsync(port, new Random(seed)).GetAwaiter().GetResult()).Holds(100);

        _ = await server.AskAsync(Valid[0].Path, Valid[0].Body);
        await EndsAsync(server);
    }

    private static async Task EndsAsync(TestServer server)
    {
        using CancellationTokenSource end = new(TimeSpan.FromSeconds(10));
        while (server.Service.State.Running > 0)
            await Task.Delay(5, end.Token);
    }

    private static async Task CheckAsync(TestServer server, Random random)
    {
        (string path, string body) = Valid[random.Next(Valid.Length)];
        byte[] bytes = random.Next(3) == 0 ? MutateBytes(Encoding.UTF8.GetBytes(body), random) : Encoding.UTF8.GetBytes(MutateJson(body, random));
        using HttpRequestMessage request = new(HttpMethod.Post, path) { Content = new ByteArrayContent(bytes) };
        request.Content.Headers.TryAddWithoutValidation("Content-Type", random.Next(20) == 0 ? "text/plain" : "application/json");
        request.Headers.TransferEncodingChunked = random.Next(4) == 0;
        using HttpResponseMessage response = await server.Client.SendAsync(request);
        string text = await response.Content.ReadAsStringAsync();
        string about = $"{path} {Encoding.Latin1.GetString(bytes)} → {(int)response.StatusCode} {text}";
        if (response.StatusCode == HttpStatusCode.OK && response.Content.Headers.ContentType!.MediaType == "text/event-stream")
        {
            // A long text may take too long for anyone; that is an event then.
            Assert.All(TestServer.ReadEvents(text).Where(e => e.Data != "[DONE]"), e => TestServer.Parse(e.Data));
            return;
        }

        JsonElement answer = TestServer.Parse(text);
        if (response.StatusCode == HttpStatusCode.OK)
            return;
        Assert.True((int)response.StatusCode is 400 or 404 or 413 or 415 or 429 or 503 or 504, about);
        JsonElement error = answer.GetProperty("error");
        Assert.True(error.GetProperty("message").GetString()!.Length is > 0 and < 2000, about);
        Assert.True(path.StartsWith("/v1/messages", StringComparison.Ordinal) ? answer.GetProperty("type").ValueEquals("error") : error.TryGetProperty("param", out _), about);
    }

    private static async Task SendBytesAsync(int port, Random random)
    {
        (string path, string body) = Valid[random.Next(Valid.Length)];
        byte[] bytes = Encoding.UTF8.GetBytes(
            $"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: {Encoding.UTF8.GetByteCount(body) + random.Next(-1, 2)}\r\n\r\n{body}");
        bytes = MutateBytes(bytes, random);
        using Socket socket = new(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(IPAddress.Loopback, port);
        try
        {
            await socket.SendAsync(bytes);
            socket.Shutdown(SocketShutdown.Send);
            using CancellationTokenSource end = new(TimeSpan.FromSeconds(20));
            byte[] buffer = new byte[65536];
            StringBuilder answer = new();
            int read;
            while ((read = await socket.ReceiveAsync(buffer, end.Token)) > 0)
                answer.Append(Encoding.Latin1.GetString(buffer, 0, read));
            string text = answer.ToString();
            Assert.True(text.Length == 0 || text.StartsWith("HTTP/1.1 ", StringComparison.Ordinal), text);
            Assert.DoesNotContain("HTTP/1.1 500", text, StringComparison.Ordinal);
        }
        catch (SocketException)
        {
            // Cut off.
        }
    }

    private static byte[] MutateBytes(byte[] bytes, Random random)
    {
        List<byte> changed = [.. bytes];
        for (int i = random.Next(1, 4); i > 0 && changed.Count > 1; i--)
        {
            int at = random.Next(changed.Count);
            switch (random.Next(5))
            {
                case 0:
                    changed[at] = (byte)random.Next(256);
                    break;
                case 1:
                    changed.RemoveRange(at, random.Next(Math.Min(20, changed.Count - at)));
                    break;
                case 2:
                    changed.Insert(at, (byte)random.Next(256));
                    break;
                case 3:
                    changed.InsertRange(at, changed.GetRange(at, Math.Min(random.Next(40), changed.Count - at)));
                    break;
                default:
                    changed.InsertRange(at, Enumerable.Repeat((byte)"[{\"0x\r\n"[random.Next(7)], random.Next(300)));
                    break;
            }
        }

        return [.. changed];
    }

    // One value somewhere in the document becomes an odd one, or a member comes twice, or goes, or one is added.
    private static string MutateJson(string json, Random random)
    {
        using JsonDocument document = JsonDocument.Parse(json);
        int left = random.Next(Count(document.RootElement));
        StringBuilder text = new();
        Write(document.RootElement);
        return text.ToString();

        void Write(JsonElement value)
        {
            if (left-- == 0)
            {
                text.Append(random.Next(10) == 0 ? $"\"{new string('y', random.Next(3000))}\"" : OddValues[random.Next(OddValues.Length)]);
                return;
            }

            switch (value.ValueKind)
            {
                case JsonValueKind.Object:
                    text.Append('{');
                    string between = "";
                    foreach (JsonProperty member in value.EnumerateObject())
                    {
                        if (random.Next(60) == 0)
                            continue;
                        text.Append(between).Append('"').Append(random.Next(60) == 0 ? "model" : member.Name).Append("\":");
                        Write(member.Value);
                        between = ",";
                    }

                    text.Append('}');
                    break;
                case JsonValueKind.Array:
                    text.Append('[');
                    foreach ((int index, JsonElement item) in value.EnumerateArray().Index())
                    {
                        text.Append(index > 0 ? "," : "");
                        Write(item);
                    }

                    text.Append(']');
                    break;
                default:
                    text.Append(value.GetRawText());
                    break;
            }
        }
    }

    private static int Count(JsonElement value) => 1 + value.ValueKind switch
    {
        JsonValueKind.Object => value.EnumerateObject().Sum(member => Count(member.Value)),
        JsonValueKind.Array => value.EnumerateArray().Sum(Count),
        _ => 0,
    };
}
