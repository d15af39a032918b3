using System.Text.Json;
using Microsoft.Extensions.AI;
using MoA.Engine;
using MoA.Engine.Generation;
using MoA.Engine.Numerics;
using MoA.Engine.Tests.Generation;
using MoA.Extensions.AI;
using MoA.Serving.Chat;

namespace MoA.Serving.Tests.ExtensionsAI;

/// <summary>The client of Microsoft.Extensions.AI over a model of this process.</summary>
public sealed class MoAChatClientTests : IClassFixture<DemoModel>, IDisposable
{
    private const string Answer = "The <REGISTER_CONTENT> in line calm-river is <17265>.";

    private readonly ModelService _service;
    private readonly MoAChatClient _client;

    public MoAChatClientTests(DemoModel demo)
    {
        ArgumentNullException.ThrowIfNull(demo);
        _service = new ModelService(demo.Model, new ServiceOptions { CacheType = ElementType.F32, CacheBytes = 64 << 20, Name = "demo" });
        _client = new MoAChatClient(_service, ownsService: true);
    }

    private static ChatOptions Greedy => new() { Temperature = 0 };

    public void Dispose() => _client.Dispose();

    [Fact]
    public async Task An_answer_tells_what_it_is_and_what_it_took()
    {
        ChatResponse response = await _client.GetResponseAsync(DemoModel.Question, Greedy);
        Assert.Equal(Answer, response.Text);
        Assert.Equal((ChatFinishReason.Stop, "demo"), (response.FinishReason, response.ModelId));
        Assert.Equal(ChatRole.Assistant, Assert.Single(response.Messages).Role);
        Assert.False(string.IsNullOrEmpty(response.ResponseId));
        UsageDetails usage = response.Usage!;
        int prompt = _service.Encode(new ChatRequest { Messages = [new(MoA.Engine.Tokenization.ChatRole.User, DemoModel.Question)] }).Length;
        Assert.Equal((prompt, usage.InputTokenCount + usage.OutputTokenCount), (usage.InputTokenCount, usage.TotalTokenCount));
        Assert.Equal(_service.Model.RequireTokenizer().Encode(Answer, addSpecialTokens: false, parseSpecialTokens: false).Length + 1, usage.OutputTokenCount);
        Assert.Equal((0, 0), (usage.CachedInputTokenCount, usage.ReasoningTokenCount));
        Assert.InRange(usage.AdditionalCounts!["moa.kv.bytes"], 1, 64 << 20);
        Assert.Equal(1.0, response.Messages[0].AdditionalProperties![MoAChatClient.DensityKey]);
    }

    [Fact]
    public async Task A_stream_adds_up_to_the_answer()
    {
        ChatOptions options = new() { Temperature = 0.9f, Seed = 7, MaxOutputTokens = 24, StopSequences = ["never"] };
        ChatResponse whole = await _client.GetResponseAsync("Tell me more.", options);
        List<ChatResponseUpdate> updates = [];
        await foreach (ChatResponseUpdate update in _client.GetStreamingResponseAsync("Tell me more.", options))
            updates.Add(update);
        Assert.True(updates.Count > 5);
        Assert.All(updates, update => Assert.Equal((ChatRole.Assistant, updates[0].ResponseId, updates[0].MessageId, "demo"),
            (update.Role, update.ResponseId, update.MessageId, update.ModelId)));
        Assert.All(updates.SkipLast(1), update => Assert.Null(update.FinishReason));
        ChatResponse streamed = updates.ToChatResponse();
        Assert.Equal(whole.Text, streamed.Text);
        Assert.Equal((whole.FinishReason, whole.ModelId), (streamed.FinishReason, streamed.ModelId));
        Assert.Equal((ChatFinishReason.Length, 24), (streamed.FinishReason, streamed.Usage!.OutputTokenCount));
        Assert.Equal(whole.Usage!.InputTokenCount, streamed.Usage.InputTokenCount);
        Assert.True(streamed.Usage.AdditionalCounts!["moa.kv.bytes"] > 0);
    }

    /// <summary>Every option that draws tokens reaches the sampler: the text equals that of the same sampling asked for by hand.</summary>
    [Fact]
    public async Task Options_say_how_tokens_are_drawn()
    {
        ChatOptions options = new()
        {
            Temperature = 1.3f,
            TopP = 0.9f,
            TopK = 40,
            Seed = -5,
            FrequencyPenalty = 0.3f,
            PresencePenalty = -0.2f,
            MaxOutputTokens = 30,
            Instructions = "Be brief.",
            AdditionalProperties = new()
            {
                ["min_p"] = 0.01f,
                ["repetition_penalty"] = 1.1,
                ["penalty_last_n"] = 16,
                ["no_repeat_ngram_size"] = JsonDocument.Parse("3").RootElement,
                ["logit_bias"] = new Dictionary<string, double> { ["300"] = 2.5 },
            },
        };
        ChatRequest byHand = new()
        {
            Messages = [new(MoA.Engine.Tokenization.ChatRole.System, "Be brief.\n\nBe polite."), new(MoA.Engine.Tokenization.ChatRole.User, "Hello")],
            MaxNewTokens = 30,
            Sampling = new SamplingOptions
            {
                Temperature = 1.3,
                TopP = 0.9,
                TopK = 40,
                Seed = unchecked((ulong)-5),
                FrequencyPenalty = 0.3,
                PresencePenalty = -0.2,
                MinP = 0.01,
                RepetitionPenalty = 1.1,
                PenaltyLastN = 16,
                NoRepeatNgramSize = 3,
                LogitBias = new Dictionary<int, double> { [300] = 2.5 },
            },
        };
        ChatMessage[] messages = [new(ChatRole.System, "Be polite."), new(ChatRole.User, [new TextContent("Hel"), new TextContent("lo")])];
        ChatOutcome expected = await _service.Chat(byHand).Outcome;
        Assert.Equal(expected.Message.Content, (await _client.GetResponseAsync(messages, options)).Text);
        ChatOptions raw = new() { RawRepresentationFactory = _ => byHand };
        Assert.Equal(expected.Message.Content, (await _client.GetResponseAsync(messages, new ChatOptions { Instructions = "Be brief.", RawRepresentationFactory = _ => byHand })).Text);
        raw.Seed = 6;
        Assert.NotEqual(expected.Message.Content, (await _client.GetResponseAsync(messages, raw)).Text);
    }

    [Fact]
    public async Task Without_a_seed_each_call_draws_its_own()
    {
        ChatOptions options = new() { Temperature = 2, MaxOutputTokens = 20 };
        string[] texts = await Task.WhenAll(Enumerable.Range(0, 4).Select(async _ => (await _client.GetResponseAsync("Hello", options)).Text));
        Assert.Equal(4, texts.Distinct().Count());
    }

    [Fact]
    public async Task A_stop_sequence_ends_the_answer()
    {
        ChatResponse response = await _client.GetResponseAsync(DemoModel.Question, new ChatOptions { Temperature = 0, StopSequences = [" calm"] });
        Assert.Equal(("The <REGISTER_CONTENT> in line", ChatFinishReason.Stop), (response.Text, response.FinishReason));
    }

    public static TheoryData<string, ChatOptions> Refused => new()
    {
        { "ConversationId", new() { ConversationId = "c" } },
        { "ContinuationToken", new() { ContinuationToken = ResponseContinuationToken.FromBytes(new byte[] { 1 }) } },
        { "ModelId is 'gpt-4o', but this client serves 'demo'", new() { ModelId = "gpt-4o" } },
        { "Tools holds a HostedWebSearchTool", new() { Tools = [new HostedWebSearchTool()] } },
        { "Reasoning.Output", new() { Reasoning = new() { Output = ReasoningOutput.Summary } } },
        { "RawRepresentationFactory made a String", new() { RawRepresentationFactory = _ => "text" } },
        { "'top_a'", new() { AdditionalProperties = new() { ["top_a"] = 1 } } },
    };

    [Theory]
    [MemberData(nameof(Refused))]
    public async Task What_cannot_be_honoured_is_refused_by_name(string words, ChatOptions options)
    {
        NotSupportedException failure = await Assert.ThrowsAsync<NotSupportedException>(() => _client.GetResponseAsync("Hello", options));
        Assert.Contains(words, failure.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', failure.Message);
        _ = await Assert.ThrowsAsync<NotSupportedException>(async () => await _client.GetStreamingResponseAsync("Hello", options).ToChatResponseAsync());
    }

    public static TheoryData<string, ChatOptions> OutOfRange => new()
    {
        { "temperature -1", new() { Temperature = -1 } },
        { "temperature NaN", new() { Temperature = float.NaN } },
        { "top-p 1.5", new() { TopP = 1.5f } },
        { "top-k -1", new() { TopK = -1 } },
        { "-1 new tokens", new() { MaxOutputTokens = -1 } },
        { "frequency-penalty 1000", new() { FrequencyPenalty = 1000 } },
        { "StopSequences", new() { StopSequences = [""] } },
        { "expected a number as min_p", new() { AdditionalProperties = new() { ["min_p"] = "half" } } },
        { "expected a whole number as penalty_last_n", new() { AdditionalProperties = new() { ["penalty_last_n"] = 1.5 } } },
        { "as logit_bias", new() { AdditionalProperties = new() { ["logit_bias"] = new Dictionary<string, double> { ["a"] = 1 } } } },
        { "Tools is empty", new() { ToolMode = ChatToolMode.RequireAny } },
        { "the tool 'f', which is not in Tools", new() { ToolMode = ChatToolMode.RequireSpecific("f") } },
    };

    [Theory]
    [MemberData(nameof(OutOfRange))]
    public async Task What_is_out_of_range_is_refused_with_the_number(string words, ChatOptions options)
    {
        InvalidInputException failure = await Assert.ThrowsAsync<InvalidInputException>(() => _client.GetResponseAsync("Hello", options));
        Assert.Contains(words, failure.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', failure.Message);
    }

    [Fact]
    public async Task Options_that_change_nothing_are_taken()
    {
        ChatOptions options = new()
        {
            Temperature = 0,
            ModelId = "demo",
            ToolMode = ChatToolMode.Auto,
            AllowBackgroundResponses = true,
            AllowMultipleToolCalls = false,
            ResponseFormat = ChatResponseFormat.Text,
            Reasoning = new() { Output = ReasoningOutput.Full },
            AdditionalProperties = [],
        };
        Assert.Equal(Answer, (await _client.GetResponseAsync(DemoModel.Question, options)).Text);
        Assert.Equal(Answer, (await _client.GetResponseAsync(DemoModel.Question, new ChatOptions { Temperature = 1, TopP = 0 })).Text);
    }

    [Fact]
    public async Task Cancellation_ends_an_answer_in_every_place()
    {
        ChatOptions endless = new() { Temperature = 1, MaxOutputTokens = 4000, Seed = 2 };
        _ = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => _client.GetResponseAsync("Hello", endless, new CancellationToken(canceled: true)));
        using CancellationTokenSource later = new();
        Task<ChatResponse> whole = _client.GetResponseAsync("Hello", endless, later.Token);
        while (_service.State.NewTokens < 3)
            await Task.Delay(5);
        await later.CancelAsync();
        _ = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => whole);

        using CancellationTokenSource soon = new();
        int read = 0;
        _ = await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (ChatResponseUpdate update in _client.GetStreamingResponseAsync("Hello", endless, soon.Token))
            {
                if (++read == 3)
                    await soon.CancelAsync();
            }
        });
        Assert.True(read >= 3);
        await foreach (ChatResponseUpdate update in _client.GetStreamingResponseAsync("Hello", endless))
            break;
        Assert.Equal((0, 0), (_service.State.Running, _service.State.Waiting));
        Assert.Equal(3, _service.State.Cancelled);
    }

    [Fact]
    public async Task Disposal_during_a_stream_ends_it_with_an_error()
    {
        int read = 0;
        _ = await Assert.ThrowsAsync<OperationCanceledException>(async () =>
        {
            await foreach (ChatResponseUpdate update in _client.GetStreamingResponseAsync("Hello", new() { Temperature = 1, MaxOutputTokens = 4000, Seed = 2 }))
            {
                if (++read == 3)
                    _client.Dispose();
            }
        });
        Assert.True(read >= 3);
        _ = await Assert.ThrowsAsync<ObjectDisposedException>(() => _client.GetResponseAsync("Hello"));
        _ = Assert.Throws<ObjectDisposedException>(() => _service.Generate(new GenerationRequest { Prompt = [1] }));
    }

    [Fact]
    public async Task Clients_that_do_not_own_a_service_share_it()
    {
        MoAChatClient one = new(_service), two = new(_service);
        ChatResponse[] answers = await Task.WhenAll(Enumerable.Range(0, 6).Select(i => (i % 2 == 0 ? one : two).GetResponseAsync(DemoModel.Question, Greedy)));
        Assert.All(answers, answer => Assert.Equal(Answer, answer.Text));
        one.Dispose();
        one.Dispose();
        _ = await Assert.ThrowsAsync<ObjectDisposedException>(() => one.GetResponseAsync("Hello"));
        Assert.Equal(Answer, (await two.GetResponseAsync(DemoModel.Question, Greedy)).Text);
    }

    [Fact]
    public void Services_are_found()
    {
        ChatClientMetadata metadata = _client.GetRequiredService<ChatClientMetadata>();
        Assert.Equal(("moa", "demo"), (metadata.ProviderName, metadata.DefaultModelId));
        Assert.Same(_service, _client.GetService<ModelService>());
        Assert.Same(_service.Model, _client.GetService<LanguageModel>());
        Assert.Same(_client, _client.GetService<IChatClient>());
        Assert.Same(_client, _client.GetService<MoAChatClient>());
        Assert.Null(_client.GetService<string>());
        Assert.Null(_client.GetService(typeof(ModelService), "key"));
    }

    [Fact]
    public async Task A_context_that_is_too_long_is_refused_with_the_numbers()
    {
        RequestRefusedException failure = await Assert.ThrowsAsync<RequestRefusedException>(
            () => _client.GetResponseAsync(string.Concat(Enumerable.Repeat("one two three ", 20_000))));
        Assert.Equal(RefusalReason.ContextTooLong, failure.Reason);
    }
}
