using System.ComponentModel;
using System.Text.Json;
using Microsoft.Extensions.AI;
using MoA.Engine;
using MoA.Engine.Numerics;
using MoA.Engine.Tests.Generation;
using MoA.Extensions.AI;

namespace MoA.Serving.Tests.ExtensionsAI;

/// <summary>Functions and typed answers through the wrappers of Microsoft.Extensions.AI, of a model that knows of neither and is held to them.</summary>
public sealed class FunctionTests : IClassFixture<DemoModel>, IDisposable
{
    private readonly IChatClient _client;

    public FunctionTests(DemoModel demo)
    {
        ArgumentNullException.ThrowIfNull(demo);
        ModelService service = new(demo.Model, new ServiceOptions { CacheType = ElementType.F32, CacheBytes = 64 << 20 });
        _client = new MoAChatClient(service, ownsService: true).AsBuilder().UseFunctionInvocation().Build();
    }

    private enum Town
    {
        Bern,
        Basel,
    }

    public void Dispose() => _client.Dispose();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_function_that_the_model_calls_is_invoked_and_its_result_goes_back(bool streams)
    {
        List<(Town Town, bool Exact)> calls = [];
        AIFunction weather = AIFunctionFactory.Create(
            (Town town, bool exact) =>
            {
                calls.Add((town, exact));
                return new { Celsius = 9.5 };
            }, "weather", "The weather of a town");
        ChatOptions options = new() { Tools = [weather], ToolMode = ChatToolMode.RequireSpecific("weather"), Temperature = 1, Seed = 1, MaxOutputTokens = 300, AllowMultipleToolCalls = false };
        ChatResponse response = streams
            ? await _client.GetStreamingResponseAsync("How is the weather?", options).ToChatResponseAsync()
            : await _client.GetResponseAsync("How is the weather?", options);
        Assert.True(Enum.IsDefined(Assert.Single(calls).Town));
        Assert.Equal([ChatRole.Assistant, ChatRole.Tool, ChatRole.Assistant], response.Messages.Select(message => message.Role));
        FunctionCallContent call = Assert.Single(response.Messages[0].Contents.OfType<FunctionCallContent>());
        Assert.Null(call.Exception);
        Assert.Equal(("weather", $"{calls[0].Town}"), (call.Name, ((JsonElement)call.Arguments!["town"]!).GetString()));
        FunctionResultContent result = Assert.IsType<FunctionResultContent>(Assert.Single(response.Messages[1].Contents));
        Assert.Equal(call.CallId, result.CallId);
        Assert.NotEqual(ChatFinishReason.ToolCalls, response.FinishReason);
        Assert.True(response.Usage!.InputTokenCount > 20); // both requests
    }

    [Fact]
    public async Task A_call_comes_whole_at_the_end_of_a_stream()
    {
        using MoAChatClient client = new(_client.GetRequiredService<ModelService>());
        AIFunction now = AIFunctionFactory.Create(() => "noon", "now", "The time");
        ChatOptions options = new() { Tools = [now], ToolMode = ChatToolMode.RequireAny, Temperature = 0, AllowMultipleToolCalls = false };
        List<ChatResponseUpdate> updates = [];
        await foreach (ChatResponseUpdate update in client.GetStreamingResponseAsync("What time is it?", options))
            updates.Add(update);
        Assert.Equal("now", Assert.Single(updates.SelectMany(update => update.Contents).OfType<FunctionCallContent>()).Name);
        Assert.Equal(ChatFinishReason.ToolCalls, updates[^1].FinishReason);
        Assert.Equal("", string.Concat(updates));
    }

    [Fact]
    public async Task Typed_answers_are_of_their_type()
    {
        for (int seed = 0; seed < 4; seed++)
        {
            ChatResponse<Forecast> response = await _client.GetResponseAsync<Forecast>("How is the weather?", new ChatOptions { Temperature = 1, Seed = seed, MaxOutputTokens = 400 });
            Assert.Equal(ChatFinishReason.Stop, response.FinishReason);
            Assert.True(Enum.IsDefined(response.Result.Town));
            Assert.All(response.Result.Days, day => Assert.True(day is null || Enum.IsDefined(day.Value)));
        }
    }

    [Fact]
    public async Task A_schema_that_cannot_be_held_is_refused_by_the_word()
    {
        ChatOptions options = new() { ResponseFormat = ChatResponseFormat.ForJsonSchema(JsonDocument.Parse("""{"type":"array","uniqueItems":true}""").RootElement) };
        InvalidInputException failure = await Assert.ThrowsAsync<InvalidInputException>(() => _client.GetResponseAsync("Hello", options));
        Assert.Contains("uniqueItems", failure.Message, StringComparison.Ordinal);
    }

    [Description("The weather of some days")]
    private sealed record Forecast(Town Town, [property: Description("The days after")] Town?[] Days, bool Rain);
}
