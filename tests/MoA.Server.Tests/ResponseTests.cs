using System.Text.Json;

namespace MoA.Server.Tests;

public class ResponseTests(TestServer server) : IClassFixture<TestServer>
{
    private const string Path = "/v1/responses";

    // The members are those of a recorded request of Codex.
    private const string Codex = """
        {"model":"demo","instructions":"Be brief","input":[{"type":"message","role":"developer","content":[{"type":"input_text","text":"d"}]},
         {"type":"message","role":"user","content":[{"type":"input_text","text":"Hello"}]}],
         "tools":[{"type":"web_search"},{"type":"image_generation"},{"type":"namespace","name":"n","tools":[]},{"type":"local_shell"}],
         "tool_choice":"auto","parallel_tool_calls":false,"reasoning":null,"store":false,"stream":STREAM,"include":[],"prompt_cache_key":"k","client_metadata":{"a":"b"},
         "temperature":0,"max_output_tokens":10}
        """;

    [Fact]
    public async Task Codex_is_answered_and_tools_of_other_types_are_passed_over()
    {
        JsonElement response = await server.AskAsync(Path, Codex.Replace("STREAM", "false", StringComparison.Ordinal));
        JsonElement chat = await server.AskAsync("/v1/chat/completions", """
            {"messages":[{"role":"system","content":"Be brief"},{"role":"developer","content":"d"},{"role":"user","content":"Hello"}],"max_tokens":10,"temperature":0}
            """);
        Assert.Equal("response", response.GetProperty("object").GetString());
        Assert.Contains(response.GetProperty("status").GetString(), (string[])["completed", "incomplete"]);
        Assert.False(response.GetProperty("store").GetBoolean());
        JsonElement item = response.GetProperty("output")[0];
        Assert.Equal("message", item.GetProperty("type").GetString());
        Assert.Equal(
            chat.GetProperty("choices")[0].GetProperty("message").GetProperty("content").GetString(), item.GetProperty("content")[0].GetProperty("text").GetString());
        Assert.Equal(chat.GetProperty("usage").GetProperty("prompt_tokens").GetInt32(), response.GetProperty("usage").GetProperty("input_tokens").GetInt32());
    }

    [Fact]
    public async Task Events_come_in_OpenAIs_order_and_are_numbered()
    {
        string text = (await server.AskAsync(Path, Codex.Replace("STREAM", "false", StringComparison.Ordinal)))
            .GetProperty("output")[0].GetProperty("content")[0].GetProperty("text").GetString()!;
        List<(string? Name, string Data)> events = await server.StreamAsync(Path, Codex.Replace("STREAM", "true", StringComparison.Ordinal));
        List<JsonElement> data = [.. events.Select(e => TestServer.Parse(e.Data))];

        Assert.All(events.Zip(data), pair => Assert.Equal(pair.First.Name, pair.Second.GetProperty("type").GetString()));
        Assert.Equal(Enumerable.Range(0, data.Count), data.Select(e => e.GetProperty("sequence_number").GetInt32()));
        string[] names = [.. events.Select(e => e.Name!).Where(name => name != "response.output_text.delta")];
        Assert.Equal(
            ["response.created", "response.in_progress", "response.output_item.added", "response.content_part.added", "response.output_text.done",
             "response.content_part.done", "response.output_item.done"], names.SkipLast(1));
        Assert.Contains(names[^1], (string[])["response.completed", "response.incomplete"]);
        Assert.Equal(text, string.Concat(data.Where(e => e.GetProperty("type").ValueEquals("response.output_text.delta")).Select(e => e.GetProperty("delta").GetString())));
        JsonElement last = data[^1].GetProperty("response");
        Assert.Equal(text, last.GetProperty("output")[0].GetProperty("content")[0].GetProperty("text").GetString());
        Assert.True(last.GetProperty("usage").GetProperty("output_tokens").GetInt32() > 0);
        Assert.Single(data.Where(e => e.TryGetProperty("item_id", out _)).Select(e => e.GetProperty("item_id").GetString()).Distinct());
    }

    [Theory]
    [InlineData("""{"input":"","max_output_tokens":1}""")]
    [InlineData("""{"input":[],"max_output_tokens":1}""")]
    [InlineData("""{"instructions":"x","input":[],"max_output_tokens":1}""")]
    [InlineData("""{"max_output_tokens":1}""")]
    public async Task Probes_with_nothing_to_see_are_answered(string json)
    {
        JsonElement response = await server.AskAsync(Path, json);
        Assert.Equal(1, response.GetProperty("usage").GetProperty("output_tokens").GetInt32());
    }

    [Theory]
    [InlineData("""{"input":"x","previous_response_id":"resp_1"}""", "previous_response_id")]
    [InlineData("""{"input":"x","conversation":"conv_1"}""", "conversation")]
    [InlineData("""{"input":"x","background":true}""", "background")]
    [InlineData("""{"input":[{"type":"item_reference","id":"x"}]}""", "input[0].type")]
    [InlineData("""{"input":[{"role":"user","content":[{"type":"input_image","image_url":"x"}]}]}""", "input[0].content[0].type")]
    [InlineData("""{"input":5}""", "input")]
    public async Task What_cannot_be_done_is_refused_by_name(string json, string parameter) =>
        Assert.Equal(parameter, (await server.FailAsync(Path, json)).GetProperty("param").GetString());
}
