using System.Net;
using System.Text.Json;
using MoA.Engine.Attention;
using MoA.Engine.KvCache;
using MoA.Engine.Numerics;
using MoA.Serving;

namespace MoA.Server.Tests;

public class OperationTests(TestServer server) : IClassFixture<TestServer>
{
    [Fact]
    public async Task The_model_is_listed_with_its_true_limits()
    {
        JsonElement list = TestServer.Parse(await server.Client.GetStringAsync("/v1/models"));
        JsonElement model = Assert.Single(list.GetProperty("data").EnumerateArray());
        Assert.Equal("model", model.GetProperty("object").GetString());
        Assert.Equal(4096, model.GetProperty("max_model_len").GetInt32());
        Assert.Equal(4096, model.GetProperty("meta").GetProperty("n_ctx_train").GetInt32());
        string name = model.GetProperty("id").GetString()!;
        JsonElement one = TestServer.Parse(await server.Client.GetStringAsync($"/v1/models/{name}"));
        Assert.Equal(model.GetRawText(), one.GetRawText());
    }

    [Fact]
    public async Task Where_memory_holds_less_than_the_model_the_limit_says_so()
    {
        // 4 layers of 8 heads of 32, keys and values in BF16: 4 KiB a token, whole blocks of 64.
        await using TestServer small = await TestServer.StartAsync(
            new ServerOptions { Aliases = ["org/small", "other"] }, new ServiceOptions { CacheBytes = 1 << 20 });
        JsonElement model = TestServer.Parse(await small.Client.GetStringAsync("/v1/models/org/small"));
        int limit = model.GetProperty("max_model_len").GetInt32();
        Assert.Equal(256, limit);
        Assert.Equal(4096, model.GetProperty("meta").GetProperty("n_ctx_train").GetInt32());
        _ = await small.AskAsync("/v1/completions", $$"""{"model":"other","prompt":[{{string.Join(',', Enumerable.Repeat(1, limit - 2))}}],"max_tokens":2}""");
        JsonElement error = await small.FailAsync("/v1/completions", $$"""{"prompt":[{{string.Join(',', Enumerable.Repeat(1, limit))}}],"max_tokens":2}""");
        Assert.Equal("kv_memory_exceeded", error.GetProperty("code").GetString());
        Assert.Equal("org/small", (await small.AskAsync("/v1/completions", """{"prompt":"x","max_tokens":1}""")).GetProperty("model").GetString());
    }

    /// <summary>OpenAI's routes refuse more tokens than the context holds; Anthropic's clients give a number of their own, so its route goes as far as it can and says so.</summary>
    [Fact]
    public async Task More_tokens_than_the_context_holds_are_refused_with_the_numbers()
    {
        foreach ((string path, string input) in ((string, string)[])
        [
            ("/v1/completions", "\"prompt\":[1,2,3],\"max_tokens\":4094"), ("/v1/responses", "\"input\":\"x\",\"max_output_tokens\":32000"),
            ("/v1/chat/completions", "\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"max_completion_tokens\":32000"),
        ])
        {
            JsonElement error = await server.FailAsync(path, $"{{{input}}}");
            Assert.Equal("context_length_exceeded", error.GetProperty("code").GetString());
            Assert.Contains("the context of demo is 4096 tokens: ask for at most", error.GetProperty("message").GetString(), StringComparison.Ordinal);
        }

        _ = await server.AskAsync("/v1/completions", """{"prompt":[1,2,3],"max_tokens":4093,"stop":[" ","e","a","o","\n",".","i"]}""");
        await using TestServer small = await TestServer.StartAsync(new ServerOptions(), new ServiceOptions { CacheBytes = 1 << 20 });
        const string Message = """{"messages":[{"role":"user","content":"x"}],"max_tokens":32000,"logit_bias":{"65":100}""";
        JsonElement answer = await small.AskAsync("/v1/messages", Message + "}");
        Assert.Equal("model_context_window_exceeded", answer.GetProperty("stop_reason").GetString());
        JsonElement usage = answer.GetProperty("usage");
        Assert.Equal(256, usage.GetProperty("input_tokens").GetInt32() + usage.GetProperty("output_tokens").GetInt32());
        List<(string? Name, string Data)> events = await small.StreamAsync("/v1/messages", Message + ""","stream":true}""");
        Assert.Equal("model_context_window_exceeded", TestServer.Parse(events[^2].Data).GetProperty("delta").GetProperty("stop_reason").GetString());
    }

    [Fact]
    public async Task Metrics_are_Prometheus_text()
    {
        _ = await server.AskAsync("/v1/completions", """{"prompt":"x","max_tokens":1}""");
        using HttpResponseMessage response = await server.Client.GetAsync("/metrics");
        Assert.Equal("text/plain", response.Content.Headers.ContentType!.MediaType);
        string text = await response.Content.ReadAsStringAsync();
        Assert.Contains("# TYPE ", text, StringComparison.Ordinal);
        Assert.Contains("http_server_request_duration", text, StringComparison.Ordinal);
        Assert.Contains("\ndotnet_gc_heap_total_allocated_bytes_total{} ", text, StringComparison.Ordinal);
        string own = $"moa_instance=\"{server.Service.Instance}\"";
        Assert.Contains(text.Split('\n'), line => line.Contains("moa_kv_limit", StringComparison.Ordinal)
            && line.Contains(own, StringComparison.Ordinal) && line.EndsWith($" {256 << 20}", StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_OpenAPI_document_names_every_route()
    {
        JsonElement document = TestServer.Parse(await server.Client.GetStringAsync("/openapi/v1.json"));
        string[] paths = [.. document.GetProperty("paths").EnumerateObject().Select(path => path.Name)];
        foreach (string path in (string[])
            ["/v1/models", "/v1/chat/completions", "/v1/completions", "/v1/responses", "/v1/messages", "/v1/messages/count_tokens", "/tokenize", "/detokenize", "/apply-template", "/health", "/ready", "/metrics"])
        {
            Assert.Contains(path, paths);
        }

        JsonElement body = document.GetProperty("paths").GetProperty("/v1/chat/completions").GetProperty("post").GetProperty("requestBody")
            .GetProperty("content").GetProperty("application/json").GetProperty("schema");
        Assert.Equal("array", body.GetProperty("properties").GetProperty("messages").GetProperty("type").GetString());
        Assert.Contains("messages", body.GetProperty("required").EnumerateArray().Select(name => name.GetString()));
    }

    [Fact]
    public async Task The_page_is_here_and_may_load_nothing_from_elsewhere()
    {
        using HttpResponseMessage response = await server.Client.GetAsync("/");
        Assert.Equal("text/html", response.Content.Headers.ContentType!.MediaType);
        string policy = Assert.Single(response.Headers.GetValues("Content-Security-Policy"));
        Assert.StartsWith("default-src 'none'", policy, StringComparison.Ordinal);
        Assert.DoesNotContain("http", policy, StringComparison.Ordinal);
        using HttpRequestMessage again = new(HttpMethod.Get, "/") { Headers = { IfNoneMatch = { response.Headers.ETag! } } };
        Assert.Equal(HttpStatusCode.NotModified, (await server.Client.SendAsync(again)).StatusCode);
    }

    [Fact]
    public async Task State_and_rows_are_the_services()
    {
        JsonElement state = TestServer.Parse(await server.Client.GetStringAsync("/moa/state"));
        Assert.Equal(256 << 20, state.GetProperty("cacheLimit").GetInt64());
        Assert.Equal(0, state.GetProperty("waiting").GetInt32());
        JsonElement rows = TestServer.Parse(await server.Client.GetStringAsync("/moa/rows?tokens=100&capacity=200"));
        Assert.Equal(4, rows.GetProperty("rows").GetArrayLength());
        Assert.All(rows.GetProperty("rows").EnumerateArray().SelectMany(layer => layer.EnumerateArray()), head => Assert.Equal(100, head.GetInt32()));
        foreach (string query in (string[])["", "?tokens=0&capacity=1", "?tokens=x&capacity=1", "?tokens=1&capacity=99999"])
            Assert.Equal(HttpStatusCode.BadRequest, (await server.Client.GetAsync($"/moa/rows{query}")).StatusCode);
    }

    [Fact]
    public async Task Every_answer_has_an_id_that_the_log_knows()
    {
        using HttpResponseMessage response = await server.Client.GetAsync("/health");
        Assert.StartsWith("req_", Assert.Single(response.Headers.GetValues("x-request-id")), StringComparison.Ordinal);
        Assert.False(response.Headers.Contains("Server"));
    }
}
