using System.Net;
using System.Text.Json;

namespace MoA.Server.Tests;

public class MessageTests(TestServer server) : IClassFixture<TestServer>
{
    private const string Path = "/v1/messages";

    [Fact]
    public async Task The_answer_is_that_of_OpenAIs_route()
    {
        JsonElement openAI = await server.AskAsync(
            "/v1/chat/completions", """{"messages":[{"role":"system","content":"Be brief"},{"role":"user","content":"Hello"}],"max_tokens":12,"temperature":0}""");
        JsonElement message = await server.AskAsync(
            Path, """{"model":"demo","system":[{"type":"text","text":"Be brief","cache_control":{"type":"ephemeral"}}],"messages":[{"role":"user","content":[{"type":"text","text":"Hello"}]}],"max_tokens":12,"temperature":0}""");

        string text = string.Concat(message.GetProperty("content").EnumerateArray().Select(block => block.GetProperty("text").GetString()));
        Assert.Equal(openAI.GetProperty("choices")[0].GetProperty("message").GetProperty("content").GetString(), text);
        Assert.Equal("message", message.GetProperty("type").GetString());
        Assert.Contains(message.GetProperty("stop_reason").GetString(), (string[])["end_turn", "max_tokens"]);
        JsonElement usage = message.GetProperty("usage");
        Assert.Equal(
            openAI.GetProperty("usage").GetProperty("prompt_tokens").GetInt32(),
            usage.GetProperty("input_tokens").GetInt32() + usage.GetProperty("cache_read_input_tokens").GetInt32());
    }

    [Fact]
    public async Task Events_come_in_Anthropics_order()
    {
        const string Asked = """ "messages":[{"role":"user","content":"Hello"}],"max_tokens":12,"temperature":0 """;
        JsonElement whole = await server.AskAsync(Path, $$"""{ {{Asked}} }""");
        List<(string? Name, string Data)> events = await server.StreamAsync(Path, $$"""{ {{Asked}},"stream":true}""");

        Assert.All(events, e => Assert.Equal(e.Name, TestServer.Parse(e.Data).GetProperty("type").GetString()));
        string[] names = [.. events.Select(e => e.Name!).Where(name => name is not ("ping" or "content_block_delta"))];
        Assert.Equal(["message_start", "content_block_start", "content_block_stop", "message_delta", "message_stop"], names);
        string text = string.Concat(events.Where(e => e.Name == "content_block_delta")
            .Select(e => TestServer.Parse(e.Data).GetProperty("delta").GetProperty("text").GetString()));
        Assert.Equal(whole.GetProperty("content")[0].GetProperty("text").GetString(), text);
        JsonElement end = TestServer.Parse(events[^2].Data);
        Assert.Equal(whole.GetProperty("stop_reason").GetString(), end.GetProperty("delta").GetProperty("stop_reason").GetString());
        Assert.Equal(
            whole.GetProperty("usage").GetProperty("output_tokens").GetInt32(), end.GetProperty("usage").GetProperty("output_tokens").GetInt32());
    }

    [Theory]
    [InlineData("""[{"type":"text","text":"x-anthropic-billing-header: cc_version=2.1; cch=1a2b3;"},{"type":"text","text":"Be brief"}]""")]
    [InlineData("\"x-anthropic-billing-header: cch=77;\\nBe brief\"")]
    public async Task What_changes_with_every_request_of_Claude_Code_is_not_read(string system)
    {
        Assert.Equal(await Count("\"Be brief\""), await Count(system));

        async Task<int> Count(string text) => (await server.AskAsync(
            "/v1/messages/count_tokens", $$"""{"system":{{text}},"messages":[{"role":"user","content":"Hello"}]}""")).GetProperty("input_tokens").GetInt32();
    }

    [Fact]
    public async Task The_count_is_that_of_the_template()
    {
        JsonElement tokens = await server.AskAsync("/tokenize", """{"messages":[{"role":"system","content":"S"},{"role":"user","content":"Hello"}]}""");
        JsonElement counted = await server.AskAsync("/v1/messages/count_tokens?beta=true", """{"system":"S","messages":[{"role":"user","content":"Hello"}]}""");
        Assert.Equal(tokens.GetProperty("count").GetInt32(), counted.GetProperty("input_tokens").GetInt32());
    }

    [Theory]
    [InlineData("""{"messages":[{"role":"user","content":"x"}]}""", "max_tokens")]
    [InlineData("""{"messages":[],"max_tokens":1}""", "messages")]
    [InlineData("""{"messages":[{"role":"user","content":[{"type":"image","source":{}}]}],"max_tokens":1}""", "messages[0].content[0].type")]
    [InlineData("""{"messages":[{"role":"user","content":"x"},{"role":"assistant","content":[{"type":"tool_use","id":"a","name":"f","input":{}}]}],"max_tokens":1}""", "the last message asks for tools")]
    [InlineData("""{"messages":[{"role":"user","content":"x"},{"role":"assistant","content":"y"}],"max_tokens":1,"tools":[{"name":"f","input_schema":{"type":"object"}}],"tool_choice":{"type":"any"}}""", "a call of a tool is required")]
    [InlineData("""{"messages":[{"role":"user","content":"x"},{"role":"assistant","content":"y"}],"max_tokens":1,"output_config":{"format":{"type":"json_schema","schema":{"type":"object"}}}}""", "the last message, which the answer goes on from, is no beginning of the JSON")]
    [InlineData("""{"messages":[{"role":"user","content":"x"}],"max_tokens":1,"tools":[{"type":"web_search_20250305","name":"web_search"}]}""", "tools[0].type")]
    [InlineData("""{"messages":[{"role":"user","content":"x"}],"max_tokens":1,"tool_choice":{"type":"tool","name":"f"}}""", "tool_choice.name")]
    public async Task Errors_are_Anthropics(string json, string place)
    {
        (HttpStatusCode status, JsonElement body) = await server.PostAsync(Path, json);
        Assert.Equal(HttpStatusCode.BadRequest, status);
        Assert.Equal("error", body.GetProperty("type").GetString());
        Assert.Equal("invalid_request_error", body.GetProperty("error").GetProperty("type").GetString());
        Assert.StartsWith(place, body.GetProperty("error").GetProperty("message").GetString(), StringComparison.Ordinal);
    }

    /// <summary>Whoever stops an answer and lets it go on gets the answer that was not stopped, by both routes.</summary>
    [Fact]
    public async Task A_last_message_of_the_assistant_goes_on()
    {
        const string User = """{"role":"user","content":"Count: one, two, three, four. Count again."}""";
        string whole = Content(await server.AskAsync(Path, $$"""{"messages":[{{User}}],"max_tokens":24,"temperature":0}"""));
        string begun = Content(await server.AskAsync(Path, $$"""{"messages":[{{User}}],"max_tokens":10,"temperature":0}"""));
        Assert.StartsWith(begun, whole, StringComparison.Ordinal);
        string messages = $$"""{"messages":[{{User}},{"role":"assistant","content":{{JsonSerializer.Serialize(begun)}}}],"max_tokens":14,"temperature":0""";
        Assert.Equal(whole[begun.Length..], Content(await server.AskAsync(Path, messages + "}")));
        foreach (string more in (string[])["", ""","continue_final_message":true""", ""","continue_final_message":true,"add_generation_prompt":false"""])
        {
            JsonElement answer = await server.AskAsync("/v1/chat/completions", messages + more + "}");
            Assert.Equal(whole[begun.Length..], answer.GetProperty("choices")[0].GetProperty("message").GetProperty("content").GetString());
        }

        int open = await Count(messages), closed = await Count($$"""{"messages":[{{User}}]""");
        Assert.InRange(open - closed, 5, 20);
        string prompt = (await server.AskAsync("/apply-template", messages + "}")).GetProperty("prompt").GetString()!;
        Assert.EndsWith("<|assistant|>\n" + begun, prompt, StringComparison.Ordinal);
        prompt = (await server.AskAsync("/apply-template", messages + ""","add_generation_prompt":true}""")).GetProperty("prompt").GetString()!;
        Assert.EndsWith(begun + "<|eos|>\n<|assistant|>\n", prompt, StringComparison.Ordinal);

        foreach (string wrong in (string[])["\"continue_final_message\":true,\"add_generation_prompt\":true", "\"continue_final_message\":false,\"add_generation_prompt\":false"])
            _ = await server.FailAsync("/v1/chat/completions", $"{messages},{wrong}}}");
        _ = await server.FailAsync("/v1/chat/completions", $$"""{"messages":[{{User}}],"continue_final_message":true}""");
        _ = await server.FailAsync("/v1/chat/completions", $$"""{"messages":[{{User}}],"add_generation_prompt":false}""");

        async Task<int> Count(string json) => (await server.AskAsync("/v1/messages/count_tokens", json + "}")).GetProperty("input_tokens").GetInt32();
    }

    private static string Content(JsonElement message) =>
        string.Concat(message.GetProperty("content").EnumerateArray().Select(block => block.GetProperty("text").GetString()));

    [Fact]
    public async Task A_stop_sequence_is_named()
    {
        JsonElement free = await server.AskAsync(Path, """{"messages":[{"role":"user","content":"Hello"}],"max_tokens":12,"temperature":0,"logit_bias":{"65":100}}""");
        string text = free.GetProperty("content")[0].GetProperty("text").GetString()!;
        Assert.Equal("max_tokens", free.GetProperty("stop_reason").GetString());
        string stop = JsonSerializer.Serialize(text[2..4]);
        JsonElement stopped = await server.AskAsync(
            Path, $$"""{"messages":[{"role":"user","content":"Hello"}],"max_tokens":12,"temperature":0,"logit_bias":{"65":100},"stop_sequences":[{{stop}}]}""");
        Assert.Equal("stop_sequence", stopped.GetProperty("stop_reason").GetString());
        Assert.Equal(text[2..4], stopped.GetProperty("stop_sequence").GetString());
    }
}
