using System.Net;
using System.Text.Json;
using MoA.Engine.Attention;
using MoA.Engine.Generation;
using MoA.Engine.Tokenization;

namespace MoA.Server.Tests;

public class ChatCompletionTests(TestServer server) : IClassFixture<TestServer>
{
    private const string Path = "/v1/chat/completions";

    private const string Question = """[{"role":"user","content":"The key of alpha is 4711. What is the key of alpha?"}]""";

    [Fact]
    public async Task The_answer_is_the_engines_own()
    {
        JsonElement answer = await server.AskAsync(Path, $$"""{"model":"demo","messages":{{Question}},"max_tokens":24,"temperature":0}""");

        string expected = await Alone("The key of alpha is 4711. What is the key of alpha?", 24);
        JsonElement choice = answer.GetProperty("choices")[0];
        Assert.Equal(expected, choice.GetProperty("message").GetProperty("content").GetString());
        Assert.Equal("chat.completion", answer.GetProperty("object").GetString());
        Assert.StartsWith("chatcmpl-", answer.GetProperty("id").GetString(), StringComparison.Ordinal);
        Assert.Contains(choice.GetProperty("finish_reason").GetString(), (string[])["stop", "length"]);
        JsonElement usage = answer.GetProperty("usage");
        Assert.Equal(usage.GetProperty("prompt_tokens").GetInt32() + usage.GetProperty("completion_tokens").GetInt32(), usage.GetProperty("total_tokens").GetInt32());
        Assert.True(answer.GetProperty("moa").GetProperty("kvBytes").GetInt64() > 0);
        Assert.Equal(1, answer.GetProperty("moa").GetProperty("density").GetDouble());
    }

    [Fact]
    public async Task A_stream_is_as_OpenAI_has_it_and_says_the_same()
    {
        const string Asked = ""","max_tokens":20,"temperature":0.8,"seed":7""";
        JsonElement whole = await server.AskAsync(Path, $$"""{"messages":{{Question}}{{Asked}}}""");
        List<(string? Name, string Data)> events = await server.StreamAsync(
            Path, $$"""{"messages":{{Question}}{{Asked}},"stream_options":{"include_usage":true},"stream":true}""");

        Assert.Equal("[DONE]", events[^1].Data);
        List<JsonElement> chunks = [.. events.SkipLast(1).Select(e => TestServer.Parse(e.Data))];
        Assert.All(chunks, chunk => Assert.Equal("chat.completion.chunk", chunk.GetProperty("object").GetString()));
        Assert.Single(chunks.Select(chunk => chunk.GetProperty("id").GetString()).Distinct());
        Assert.Single(chunks.Select(chunk => chunk.GetProperty("created").GetInt64()).Distinct());
        Assert.Equal("assistant", Delta(chunks[0]).GetProperty("role").GetString());
        Assert.All(chunks.Skip(1).SkipLast(1), chunk => Assert.False(Delta(chunk).TryGetProperty("role", out _)));
        Assert.All(chunks.SkipLast(1), chunk => Assert.Equal(JsonValueKind.Null, chunk.GetProperty("usage").ValueKind));
        Assert.All(chunks.SkipLast(2), chunk => Assert.Equal(JsonValueKind.Null, chunk.GetProperty("choices")[0].GetProperty("finish_reason").ValueKind));
        Assert.Empty(Delta(chunks[^2]).EnumerateObject());
        Assert.Equal(
            whole.GetProperty("choices")[0].GetProperty("finish_reason").GetString(), chunks[^2].GetProperty("choices")[0].GetProperty("finish_reason").GetString());
        Assert.Equal(0, chunks[^1].GetProperty("choices").GetArrayLength());
        Assert.Equal(
            whole.GetProperty("usage").GetProperty("completion_tokens").GetInt32(), chunks[^1].GetProperty("usage").GetProperty("completion_tokens").GetInt32());
        Assert.Equal(whole.GetProperty("choices")[0].GetProperty("message").GetProperty("content").GetString(), TextOf(chunks, 0));
    }

    [Fact]
    public async Task Several_answers_are_drawn_by_seeds_of_their_own_and_can_be_had_again()
    {
        const string Asked = ""","max_tokens":12,"temperature":1.5,"seed":3,"n":3""";
        JsonElement whole = await server.AskAsync(Path, $$"""{"messages":{{Question}}{{Asked}}}""");
        string[] texts = [.. whole.GetProperty("choices").EnumerateArray().Select(choice => choice.GetProperty("message").GetProperty("content").GetString()!)];
        List<JsonElement> chunks = [.. (await server.StreamAsync(Path, $$"""{"messages":{{Question}}{{Asked}},"stream":true}"""))
            .SkipLast(1).Select(e => TestServer.Parse(e.Data))];

        Assert.Equal(3, texts.Distinct().Count());
        Assert.Equal(texts, Enumerable.Range(0, 3).Select(index => TextOf(chunks, index)));
        JsonElement alone = await server.AskAsync(Path, $$"""{"messages":{{Question}},"max_tokens":12,"temperature":1.5,"seed":3}""");
        Assert.Equal(texts[0], alone.GetProperty("choices")[0].GetProperty("message").GetProperty("content").GetString());
        Assert.Equal(alone.GetProperty("usage").GetProperty("prompt_tokens").GetInt32(), whole.GetProperty("usage").GetProperty("prompt_tokens").GetInt32());
    }

    [Fact]
    public async Task Likelihoods_have_bytes_and_add_up_to_the_text()
    {
        JsonElement answer = await server.AskAsync(
            Path, $$"""{"messages":{{Question}},"max_tokens":6,"temperature":0,"logprobs":true,"top_logprobs":3}""");

        JsonElement[] tokens = [.. answer.GetProperty("choices")[0].GetProperty("logprobs").GetProperty("content").EnumerateArray()];
        Assert.Equal(answer.GetProperty("usage").GetProperty("completion_tokens").GetInt32(), tokens.Length);
        foreach (JsonElement token in tokens)
        {
            JsonElement[] top = [.. token.GetProperty("top_logprobs").EnumerateArray()];
            Assert.Equal(3, top.Length);
            Assert.True(token.GetProperty("logprob").GetDouble() <= 0);
            // Greedy: what was written is the likeliest.
            Assert.Equal(top[0].GetProperty("logprob").GetDouble(), token.GetProperty("logprob").GetDouble());
        }

        // The bytes are exactly the text's, spaces and parts of characters included; the token that ends the turn may follow.
        string text = answer.GetProperty("choices")[0].GetProperty("message").GetProperty("content").GetString()!;
        byte[] bytes = [.. tokens.SelectMany(token => token.GetProperty("bytes").EnumerateArray().Select(part => part.GetByte()))];
        Assert.StartsWith(text, System.Text.Encoding.UTF8.GetString(bytes), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_stop_text_ends_the_answer_and_is_no_part_of_it()
    {
        string whole = await Alone("The key of alpha is 4711. What is the key of alpha?", 24);
        string stop = whole[1..3];
        JsonElement answer = await server.AskAsync(
            Path, $$"""{"messages":{{Question}},"max_tokens":24,"temperature":0,"stop":[{{JsonSerializer.Serialize(stop)}},"never"]}""");

        JsonElement choice = answer.GetProperty("choices")[0];
        Assert.Equal(whole[..whole.IndexOf(stop, StringComparison.Ordinal)], choice.GetProperty("message").GetProperty("content").GetString());
        Assert.Equal("stop", choice.GetProperty("finish_reason").GetString());
    }

    [Fact]
    public async Task Parts_of_text_developers_and_unknown_fields_are_taken()
    {
        string plain = await Text("""{"messages":[{"role":"system","content":"a\nb"},{"role":"user","content":"c"}],"max_tokens":4,"temperature":0}""");
        string parts = await Text("""
            {"messages":[{"role":"developer","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]},{"role":"user","content":[{"type":"text","text":"c"}],"name":"x"}],
             "max_completion_tokens":4,"max_tokens":2,"temperature":0,"user":"u","store":true,"metadata":{"a":"b"},"service_tier":"auto","something_new":{"x":1},"functions":null,"best_of":1}
            """);
        Assert.Equal(plain, parts);

        async Task<string> Text(string json) =>
            (await server.AskAsync(Path, json)).GetProperty("choices")[0].GetProperty("message").GetProperty("content").GetString()!;
    }

    [Fact]
    public async Task A_bias_makes_a_token_certain()
    {
        JsonElement answer = await server.AskAsync(Path, $$"""{"messages":{{Question}},"max_tokens":3,"temperature":0,"logit_bias":{"65":100},"logprobs":true}""");
        string expected = server.Model.Tokenizer!.Decode([65]);
        Assert.All(
            answer.GetProperty("choices")[0].GetProperty("logprobs").GetProperty("content").EnumerateArray(),
            token => Assert.Equal(expected, token.GetProperty("token").GetString()));
    }

    [Theory]
    [InlineData("""{"messages":[]}""", "messages")]
    [InlineData("""{}""", "messages")]
    [InlineData("""{"messages":[{"role":"user"}]}""", "messages[0].content")]
    [InlineData("""{"messages":[{"role":"robot","content":"x"}]}""", "messages[0].role")]
    [InlineData("""{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:"}}]}]}""", "messages[0].content[0].type")]
    [InlineData("""{"messages":[{"role":"user","content":[{"type":"input_audio"}]}]}""", "messages[0].content[0].type")]
    [InlineData("""{"messages":[{"role":"user","content":"x"}],"temperature":"hot"}""", "temperature")]
    [InlineData("""{"messages":[{"role":"user","content":"x"}],"temperature":1e999}""", "temperature")]
    [InlineData("""{"messages":[{"role":"user","content":"x"}],"max_tokens":0}""", "max_tokens")]
    [InlineData("""{"messages":[{"role":"user","content":"x"}],"max_tokens":99999999999999999999}""", "max_tokens")]
    [InlineData("""{"messages":[{"role":"user","content":"x"}],"n":0}""", "n")]
    [InlineData("""{"messages":[{"role":"user","content":"x"}],"top_logprobs":2}""", "top_logprobs")]
    [InlineData("""{"messages":[{"role":"user","content":"x"}],"logprobs":true,"top_logprobs":21}""", "top_logprobs")]
    [InlineData("""{"messages":[{"role":"user","content":"x"}],"stop":""}""", "stop")]
    [InlineData("""{"messages":[{"role":"user","content":"x"}],"functions":[{"name":"f"}]}""", "functions")]
    [InlineData("""{"messages":[{"role":"user","content":"x"}],"best_of":4}""", "best_of")]
    [InlineData("""{"messages":[{"role":"user","content":"x"}],"grammar":"root ::= \"a\""}""", "grammar")]
    [InlineData("""{"messages":[{"role":"user","content":"x"}],"response_format":{"type":"xml"}}""", "response_format.type")]
    [InlineData("""{"messages":[{"role":"user","content":"x"}],"tools":[{"type":"web_search"}]}""", "tools[0].type")]
    [InlineData("""{"messages":[{"role":"user","content":"x"}],"tool_choice":"required"}""", "tool_choice")]
    [InlineData("""{"messages":[{"role":"user","content":"x"}],"logit_bias":{"99999":1}}""", "logit_bias")]
    [InlineData("""{"messages":[{"role":"user","content":"x"}],"stream":"yes"}""", "stream")]
    [InlineData("""{"messages":[{"role":"user","content":"x"}],"reasoning_effort":"huge"}""", "reasoning_effort")]
    [InlineData("""{"messages":[{"role":"assistant","content":null,"tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{"}}]}]}""", "messages[0].tool_calls[0].function.arguments")]
    public async Task What_cannot_be_done_is_refused_by_name(string json, string parameter)
    {
        JsonElement error = await server.FailAsync(Path, json);
        Assert.Equal(parameter, error.GetProperty("param").GetString());
        Assert.Equal("invalid_request_error", error.GetProperty("type").GetString());
        Assert.Contains(parameter, error.GetProperty("message").GetString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("{")]
    [InlineData("""{"messages":[{"role":"user","content":"x"}],"messages":[{"role":"user","content":"y"}]}""")]
    [InlineData("""{"messages":[{"role":"user","content":"\ud800"}]}""")]
    [InlineData("""{"messages":[{"role":"user","content":"x"}],"\udc00":1}""")]
    [InlineData("""{"messages":[{"role":"user","content":"x"}]} x""")]
    [InlineData("""{"messages":[{"role":"user","content":"x"}],"a":NaN}""")]
    public async Task What_is_no_clear_JSON_is_refused(string json)
    {
        JsonElement error = await server.FailAsync(Path, json);
        Assert.Equal("invalid_request_error", error.GetProperty("type").GetString());
    }

    [Fact]
    public async Task Deep_nesting_and_invalid_bytes_are_refused()
    {
        await server.FailAsync(Path, $$"""{"messages":{{new string('[', 100_000)}}""");
        byte[] bytes = [.. "{\"messages\":[{\"role\":\"user\",\"content\":\""u8, 0xC3, 0x28, .. "\"}]}"u8];
        using ByteArrayContent content = new(bytes) { Headers = { ContentType = new("application/json") } };
        using HttpResponseMessage response = await server.Client.PostAsync(Path, content);
        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Contains("UTF-8", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_model_that_is_not_there_and_a_text_that_is_too_long_have_OpenAIs_codes()
    {
        JsonElement error = await server.FailAsync(Path, $$"""{"model":"gpt-4","messages":{{Question}}}""", HttpStatusCode.NotFound);
        Assert.Equal("model_not_found", error.GetProperty("code").GetString());

        string text = string.Concat(Enumerable.Repeat("word ", 6000));
        error = await server.FailAsync(Path, $$"""{"messages":[{"role":"user","content":"{{text}}"}]}""");
        Assert.Equal("context_length_exceeded", error.GetProperty("code").GetString());
        Assert.Contains("4096", error.GetProperty("message").GetString(), StringComparison.Ordinal);
    }

    // The engine by itself, without service and server.
    private static async Task<string> Alone(string question, int newTokens)
    {
        await Task.Yield();
        using MoA.Engine.Kernels.ComputeBackend backend = MoA.Engine.Kernels.ComputeBackend.CreateCpu(1);
        using LanguageModel model = LanguageModel.Load(MoA.Tests.RepositoryFiles.DemoModel, backend);
        using ChatSession session = new(model, new DensePolicy(), new GenerationOptions { MaxNewTokens = newTokens });
        return session.Ask(question).Text;
    }

    private static JsonElement Delta(JsonElement chunk) => chunk.GetProperty("choices")[0].GetProperty("delta");

    private static string TextOf(IEnumerable<JsonElement> chunks, int index) => string.Concat(chunks
        .SelectMany(chunk => chunk.GetProperty("choices").EnumerateArray())
        .Where(choice => choice.GetProperty("index").GetInt32() == index)
        .Select(choice => choice.GetProperty("delta").TryGetProperty("content", out JsonElement text) ? text.GetString() : ""));
}
