using System.Text.Json;

namespace MoA.Server.Tests;

/// <summary>Calls of tools and structured output, by which the demo model, which knows nothing of either, is made to write what is asked for.</summary>
public class ToolTests(TestServer server) : IClassFixture<TestServer>
{
    private const string Parameters = """{"type":"object","properties":{"on":{"type":"boolean"}},"required":["on"],"additionalProperties":false}""";

    [Fact]
    public async Task A_tool_that_must_be_called_is_called_whole_and_in_streams()
    {
        const string Body = """
            {"messages":[{"role":"user","content":"Switch the light on"}],"max_tokens":400,"temperature":0,"stream":STREAM,
             "tools":[{"type":"function","function":{"name":"switch","description":"Switches the light","parameters":PARAMETERS}}],
             "tool_choice":{"type":"function","function":{"name":"switch"}}}
            """;
        JsonElement choice = (await server.AskAsync("/v1/chat/completions", With(Body, "false"))).GetProperty("choices")[0];
        Assert.Equal("tool_calls", choice.GetProperty("finish_reason").GetString());
        JsonElement call = Assert.Single(choice.GetProperty("message").GetProperty("tool_calls").EnumerateArray());
        Assert.Equal("switch", call.GetProperty("function").GetProperty("name").GetString());
        string arguments = call.GetProperty("function").GetProperty("arguments").GetString()!;
        CheckArguments(arguments);

        List<JsonElement> chunks = [.. (await server.StreamAsync("/v1/chat/completions", With(Body, "true"))).SkipLast(1).Select(e => TestServer.Parse(e.Data))];
        JsonElement[] pieces = [.. chunks.Select(chunk => chunk.GetProperty("choices")[0].GetProperty("delta"))
            .Where(delta => delta.TryGetProperty("tool_calls", out _)).SelectMany(delta => delta.GetProperty("tool_calls").EnumerateArray())];
        Assert.All(pieces, piece => Assert.Equal(0, piece.GetProperty("index").GetInt32()));
        Assert.Equal("function", pieces[0].GetProperty("type").GetString());
        Assert.Equal("switch", pieces[0].GetProperty("function").GetProperty("name").GetString());
        Assert.NotEmpty(pieces[0].GetProperty("id").GetString()!);
        Assert.All(pieces.Skip(1), piece => Assert.False(piece.TryGetProperty("id", out _)));
        Assert.Equal(arguments, string.Concat(pieces.Select(piece => piece.GetProperty("function").GetProperty("arguments").GetString())));
        Assert.Equal("tool_calls", chunks[^1].GetProperty("choices")[0].GetProperty("finish_reason").GetString());
    }

    [Fact]
    public async Task A_call_is_an_item_of_a_response()
    {
        const string Body = """
            {"input":"Switch the light on","max_output_tokens":400,"temperature":0,"stream":STREAM,
             "tools":[{"type":"web_search"},{"type":"function","name":"switch","parameters":PARAMETERS}],"tool_choice":{"type":"function","name":"switch"}}
            """;
        JsonElement item = Assert.Single((await server.AskAsync("/v1/responses", With(Body, "false"))).GetProperty("output").EnumerateArray());
        Assert.Equal("function_call", item.GetProperty("type").GetString());
        CheckArguments(item.GetProperty("arguments").GetString()!);

        List<(string? Name, string Data)> events = await server.StreamAsync("/v1/responses", With(Body, "true"));
        Assert.Equal(
            ["response.created", "response.in_progress", "response.output_item.added", "response.function_call_arguments.done", "response.output_item.done", "response.completed"],
            events.Select(e => e.Name!).Where(name => name != "response.function_call_arguments.delta"));
        string deltas = string.Concat(events.Where(e => e.Name == "response.function_call_arguments.delta").Select(e => TestServer.Parse(e.Data).GetProperty("delta").GetString()));
        Assert.Equal(item.GetProperty("arguments").GetString(), deltas);
    }

    [Fact]
    public async Task A_call_is_a_block_of_a_message()
    {
        const string Body = """
            {"messages":[{"role":"user","content":"Switch the light on"}],"max_tokens":400,"temperature":0,"stream":STREAM,
             "tools":[{"name":"switch","input_schema":PARAMETERS}],"tool_choice":{"type":"any","disable_parallel_tool_use":true}}
            """;
        JsonElement message = await server.AskAsync("/v1/messages", With(Body, "false"));
        Assert.Equal("tool_use", message.GetProperty("stop_reason").GetString());
        JsonElement block = Assert.Single(message.GetProperty("content").EnumerateArray());
        Assert.Equal("tool_use", block.GetProperty("type").GetString());
        CheckArguments(block.GetProperty("input").GetRawText());

        List<(string? Name, string Data)> events = await server.StreamAsync("/v1/messages", With(Body, "true"));
        JsonElement start = TestServer.Parse(events.Single(e => e.Name == "content_block_start").Data).GetProperty("content_block");
        Assert.Equal("switch", start.GetProperty("name").GetString());
        string json = string.Concat(events.Where(e => e.Name == "content_block_delta").Select(e => TestServer.Parse(e.Data).GetProperty("delta").GetProperty("partial_json").GetString()));
        Assert.Equal(JsonSerializer.Serialize(block.GetProperty("input")), JsonSerializer.Serialize(TestServer.Parse(json)));
    }

    [Fact]
    public async Task What_a_tool_answered_goes_on()
    {
        JsonElement answer = await server.AskAsync("/v1/chat/completions", $$$"""
            {"messages":[{"role":"user","content":"x"},{"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"switch","arguments":"{\"on\":true}"}}]},
             {"role":"tool","tool_call_id":"c1","content":"done"}],"max_tokens":4,
             "tools":[{"type":"function","function":{"name":"switch","parameters":{{{Parameters}}}}}],"tool_choice":"none"}
            """);
        Assert.False(answer.GetProperty("choices")[0].GetProperty("message").TryGetProperty("tool_calls", out _));
        JsonElement message = await server.AskAsync("/v1/messages", """
            {"messages":[{"role":"user","content":"x"},{"role":"assistant","content":[{"type":"thinking","thinking":"t","signature":""},{"type":"tool_use","id":"c1","name":"switch","input":{"on":true}}]},
             {"role":"user","content":[{"type":"tool_result","tool_use_id":"c1","content":[{"type":"text","text":"done"}]},{"type":"text","text":"go on"}]}],"max_tokens":4}
            """);
        Assert.Equal("assistant", message.GetProperty("role").GetString());
    }

    [Theory]
    [InlineData("/v1/chat/completions", "\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"max_tokens\":60,\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"n\",\"schema\":PARAMETERS}}")]
    [InlineData("/v1/responses", "\"input\":\"x\",\"max_output_tokens\":60,\"text\":{\"format\":{\"type\":\"json_schema\",\"name\":\"n\",\"schema\":PARAMETERS}}")]
    [InlineData("/v1/messages", "\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"max_tokens\":60,\"output_config\":{\"format\":{\"type\":\"json_schema\",\"schema\":PARAMETERS}}")]
    public async Task An_answer_satisfies_its_schema(string path, string body)
    {
        JsonElement answer = await server.AskAsync(path, $"{{{With(body, "false")}}}");
        string text = path switch
        {
            "/v1/messages" => answer.GetProperty("content")[0].GetProperty("text").GetString()!,
            "/v1/responses" => answer.GetProperty("output")[0].GetProperty("content")[0].GetProperty("text").GetString()!,
            _ => answer.GetProperty("choices")[0].GetProperty("message").GetProperty("content").GetString()!,
        };
        CheckArguments(text);
    }

    private static string With(string body, string streams) =>
        body.Replace("STREAM", streams, StringComparison.Ordinal).Replace("PARAMETERS", Parameters, StringComparison.Ordinal);

    private static void CheckArguments(string json)
    {
        JsonProperty member = Assert.Single(TestServer.Parse(json).EnumerateObject());
        Assert.Equal("on", member.Name);
        Assert.True(member.Value.ValueKind is JsonValueKind.True or JsonValueKind.False);
    }
}
