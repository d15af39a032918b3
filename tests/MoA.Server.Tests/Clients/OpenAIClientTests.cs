using System.ClientModel;
using System.ClientModel.Primitives;
using System.ComponentModel;
using Microsoft.Extensions.AI;
using MoA.Serving;
using OpenAI;
using OpenAI.Models;
using Own = OpenAI.Chat;

namespace MoA.Server.Tests.Clients;

/// <summary>OpenAI's client for .NET, by itself and as the <see cref="IChatClient"/> of Microsoft.Extensions.AI.OpenAI, against a server on a free port.</summary>
public sealed class OpenAIClientTests(GuardedServer server) : IClassFixture<GuardedServer>
{
    private const string Model = "demo", Answer = "The <REGISTER_CONTENT> in line calm-river is <17265>.";

    // Characters of two to four bytes, and one of several code points; the demo model's tokens for them are single bytes.
    private const string MultiByte = "Zürich – 東京 🦉👩‍🚀";

    private const string Question = """
        Below is a record of lines. Remember the REGISTER_CONTENT of each line.
        line blunt-otter: REGISTER_CONTENT is <40893>
        line tidy-lake: REGISTER_CONTENT is <23743>
        line calm-river: REGISTER_CONTENT is <17265>
        line brave-stone: REGISTER_CONTENT is <31982>
        line quiet-field: REGISTER_CONTENT is <48120>
        What is the <REGISTER_CONTENT> in line calm-river?
        """;

    private enum Lamp
    {
        Desk,
        Door,
    }

    private ServiceState State => server.State;

    [Fact]
    public async Task Models_are_listed()
    {
        OpenAIModelClient models = Connect().GetOpenAIModelClient();
        Assert.Equal(Model, Assert.Single((await models.GetModelsAsync()).Value).Id);
        Assert.Equal(Model, (await models.GetModelAsync(Model)).Value.Id);
    }

    [Fact]
    public async Task OpenAIs_own_chat_client_reads_log_probabilities_seeds_and_stops()
    {
        Own.ChatClient client = Connect().GetChatClient(Model);
        Own.ChatCompletion whole = await client.CompleteChatAsync(
            [new Own.UserChatMessage(Question)], new Own.ChatCompletionOptions { IncludeLogProbabilities = true, TopLogProbabilityCount = 2, StopSequences = { "river" } });
        Assert.Equal("The <REGISTER_CONTENT> in line calm-", whole.Content[0].Text);
        Assert.Equal(Own.ChatFinishReason.Stop, whole.FinishReason);
        Assert.All(whole.ContentTokenLogProbabilities, token => Assert.Equal(token.LogProbability, token.TopLogProbabilities[0].LogProbability));
        Assert.StartsWith("The", whole.ContentTokenLogProbabilities[0].Token, StringComparison.Ordinal);
#pragma warning disable OPENAI001 // the seed is experimental in the client
        Own.ChatCompletionOptions drawn = new() { Temperature = 2, MaxOutputTokenCount = 10, Seed = 5 };
#pragma warning restore OPENAI001
        Own.ChatCompletion one = await client.CompleteChatAsync([new Own.UserChatMessage("Hello")], drawn), two = await client.CompleteChatAsync([new Own.UserChatMessage("Hello")], drawn);
        Assert.Equal(one.Content[0].Text, two.Content[0].Text);
        Assert.Equal((10, Own.ChatFinishReason.Length), (one.Usage.OutputTokenCount, one.FinishReason));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task An_answer_comes_whole_and_in_pieces(bool responses)
    {
        using IChatClient client = Chat(responses);
        ChatResponse whole = await client.GetResponseAsync(Question);
        Assert.Equal((Answer, Model), (whole.Text, whole.ModelId));
        List<ChatResponseUpdate> updates = await client.GetStreamingResponseAsync(Question).ToListAsync();
        Assert.True(updates.Count > 10);
        ChatResponse streamed = updates.ToChatResponse();
        Assert.Equal(Answer, streamed.Text);
        foreach (ChatResponse response in (ChatResponse[])[whole, streamed])
        {
            // Of an answer that is whole at /v1/responses the client tells no reason.
            Assert.Equal(responses && response == whole ? null : ChatFinishReason.Stop, response.FinishReason);
            UsageDetails usage = response.Usage!;
            Assert.Equal((whole.Usage!.InputTokenCount, whole.Usage.OutputTokenCount), (usage.InputTokenCount, usage.OutputTokenCount));
            Assert.Equal(usage.TotalTokenCount, usage.InputTokenCount + usage.OutputTokenCount);
            Assert.True(usage.OutputTokenCount > 10);
        }

        Assert.True(streamed.Usage!.CachedInputTokenCount > 100);
        ChatResponse cut = await client.GetResponseAsync(Question, new() { MaxOutputTokens = 3 });
        Assert.Equal((ChatFinishReason.Length, 3), (cut.FinishReason, cut.Usage!.OutputTokenCount));
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public async Task A_function_is_invoked_and_its_result_goes_back(bool responses, bool streams)
    {
        List<(Lamp Lamp, bool On)> calls = [];
        AIFunction toggle = AIFunctionFactory.Create(
            ([Description("Which lamp")] Lamp lamp, bool on) =>
            {
                calls.Add((lamp, on));
                return "The lamp burns.";
            }, "toggle", "Switches a lamp");
        using IChatClient client = Chat(responses).AsBuilder().UseFunctionInvocation().Build();
        ChatOptions options = new() { Tools = [toggle], ToolMode = ChatToolMode.RequireSpecific("toggle"), AllowMultipleToolCalls = false, MaxOutputTokens = 200 };
        ChatResponse response = streams
            ? await client.GetStreamingResponseAsync("Hello", options).ToChatResponseAsync()
            : await client.GetResponseAsync("Hello", options);
        Assert.True(Enum.IsDefined(Assert.Single(calls).Lamp));
        FunctionCallContent call = Assert.Single(response.Messages.SelectMany(message => message.Contents).OfType<FunctionCallContent>());
        Assert.Equal("toggle", call.Name);
        FunctionResultContent result = Assert.Single(response.Messages.SelectMany(message => message.Contents).OfType<FunctionResultContent>());
        Assert.Equal((call.CallId, "The lamp burns."), (result.CallId, result.Result?.ToString()));
        Assert.NotEqual(ChatFinishReason.ToolCalls, response.FinishReason);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Typed_answers_are_of_their_type(bool responses)
    {
        using IChatClient client = Chat(responses);
        ChatResponse<Order> response = await client.GetResponseAsync<Order>("Hello", new ChatOptions { MaxOutputTokens = 400 });
        Assert.True(Enum.IsDefined(response.Result.Lamp));
        ChatResponseFormat format = Schema($$$"""{"words":{"const":"{{{MultiByte}}}"}}""", "words");
        List<ChatResponseUpdate> updates = await client.GetStreamingResponseAsync("Hello", new() { ResponseFormat = format }).ToListAsync();
        Assert.All(updates, update => Assert.DoesNotContain('\uFFFD', update.Text));
        Assert.Equal(MultiByte, TestServer.Parse(string.Concat(updates)).GetProperty("words").GetString());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_conversation_goes_on_from_kept_caches(bool responses)
    {
        using IChatClient client = Chat(responses);
        List<ChatMessage> messages = [new(ChatRole.User, Question)];
        ChatResponse first = await client.GetResponseAsync(messages);
        messages.AddMessages(first);
        messages.Add(new(ChatRole.User, "And in line tidy-lake?"));
        ChatResponse second = await client.GetResponseAsync(messages, new() { MaxOutputTokens = 5 });
        Assert.InRange(second.Usage!.CachedInputTokenCount!.Value, first.Usage!.InputTokenCount!.Value, second.Usage.InputTokenCount!.Value - 1);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Errors_have_their_status_and_say_what_is_wrong(bool responses)
    {
        using IChatClient client = Chat(responses), other = Chat(responses, "gpt-4o"), stranger = Chat(responses, key: "wrong");
        string tooLong = string.Concat(Enumerable.Repeat("one two three ", 3000));
        await FailsAsync(client, tooLong, 400, "context_length_exceeded", "4096");
        await FailsAsync(other, "Hello", 404, "model_not_found", "'gpt-4o'");
        await FailsAsync(stranger, "Hello", 401, "invalid_api_key");
        await FailsAsync(client, new string('x', 2 << 20), 413);

        static async Task FailsAsync(IChatClient client, string question, int status, params string[] words)
        {
            ClientResultException whole = await Assert.ThrowsAsync<ClientResultException>(() => client.GetResponseAsync(question));
            ClientResultException streamed = await Assert.ThrowsAsync<ClientResultException>(() => client.GetStreamingResponseAsync(question).ToListAsync().AsTask());
            foreach (ClientResultException failure in (ClientResultException[])[whole, streamed])
            {
                Assert.Equal(status, failure.Status);
                Assert.All(words, word => Assert.Contains(word, failure.Message, StringComparison.Ordinal));
            }
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Cancellation_ends_the_text(bool responses)
    {
        using IChatClient client = Chat(responses);
        ChatOptions endless = new() { ResponseFormat = Schema("""{"all":{"type":"array","items":{"type":"boolean"},"minItems":1500}}""", "all"), MaxOutputTokens = 3900 };
        await CancelsAsync(async () =>
        {
            using CancellationTokenSource soon = new();
            int read = 0;
            await foreach (ChatResponseUpdate update in client.GetStreamingResponseAsync("Hello", endless, soon.Token))
            {
                if (update.Text.Length > 0 && ++read == 3)
                    await soon.CancelAsync();
            }
        });
        await CancelsAsync(async () =>
        {
            using CancellationTokenSource later = new();
            long before = State.NewTokens;
            Task<ChatResponse> whole = client.GetResponseAsync("Hello", endless, later.Token);
            while (State.NewTokens < before + 3)
                await Task.Delay(5);
            await later.CancelAsync();
            _ = await whole;
        });

        async Task CancelsAsync(Func<Task> call)
        {
            // So small a model may have written all of it before a client that lacks a processor gets to cancelling; then once more.
            long cancelled = State.Cancelled;
            for (int tries = 0; tries < 5 && State.Cancelled == cancelled; tries++)
            {
                long ended = State.Ended;
                _ = await Assert.ThrowsAnyAsync<OperationCanceledException>(call);
                for (int looks = 0; looks < 200 && (State.Ended == ended || State.Running + State.Waiting > 0); looks++)
                    await Task.Delay(10);
            }

            Assert.Equal((cancelled + 1, 0, 0), (State.Cancelled, State.Running, State.Waiting));
        }
    }

    private static ChatResponseFormatJson Schema(string properties, string required) => ChatResponseFormat.ForJsonSchema(TestServer.Parse(
        $$"""{"type":"object","properties":{{properties}},"required":["{{required}}"],"additionalProperties":false}"""));

    private OpenAIClient Connect(string key = GuardedServer.Key) => new(
        new ApiKeyCredential(key), new OpenAIClientOptions { Endpoint = new Uri($"{server.Address}/v1"), RetryPolicy = new ClientRetryPolicy(maxRetries: 0) });

#pragma warning disable OPENAI001 // the client of responses is experimental
    private IChatClient Chat(bool responses, string model = Model, string key = GuardedServer.Key) => responses
        ? Connect(key).GetResponsesClient().AsIChatClient(model)
        : Connect(key).GetChatClient(model).AsIChatClient();
#pragma warning restore OPENAI001

    private sealed record Order(Lamp Lamp, bool On, string? Note);
}
