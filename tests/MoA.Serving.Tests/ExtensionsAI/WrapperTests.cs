using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Runtime.CompilerServices;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.Caching.Distributed;
using Microsoft.Extensions.Caching.Memory;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using MoA.Engine.Numerics;
using MoA.Engine.Tests.Generation;
using MoA.Engine.Tokenization;
using MoA.Extensions.AI;
using MoA.Serving.Chat;
using MoA.Serving.Telemetry;
using ChatMessage = Microsoft.Extensions.AI.ChatMessage;
using Role = MoA.Engine.Tokenization.ChatRole;

namespace MoA.Serving.Tests.ExtensionsAI;

/// <summary>What Microsoft.Extensions.AI puts around a client: the loop of functions, OpenTelemetry, a cache, a log.</summary>
public sealed class WrapperTests : IClassFixture<DemoModel>, IDisposable
{
    private const string Source = "MoA.Serving.Tests.Wrappers", Readings = "The lamp at the door burns since noon, as the third reading of the day says.";

    private readonly ModelService _service;
    private readonly MoAChatClient _client;

    public WrapperTests(DemoModel demo)
    {
        ArgumentNullException.ThrowIfNull(demo);
        _service = new ModelService(demo.Model, new ServiceOptions { CacheType = ElementType.F32, CacheBytes = 64 << 20, Name = "wrapped" });
        _client = new MoAChatClient(_service, ownsService: true);
    }

    private static AIFunction Readout { get; } = AIFunctionFactory.Create((bool door) => Readings, "readout", "Reads a meter");

    private static ChatOptions CallsOnce => new() { Temperature = 0, Tools = [Readout], ToolMode = ChatToolMode.RequireAny, AllowMultipleToolCalls = false, MaxOutputTokens = 200 };

    public void Dispose() => _client.Dispose();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task What_a_function_returned_stands_in_the_next_prompt(bool streams)
    {
        using Recorder asked = new(_client);
        using IChatClient client = asked.AsBuilder().UseFunctionInvocation().Build();
        ChatResponse response = streams
            ? await client.GetStreamingResponseAsync("What burns?", CallsOnce).ToChatResponseAsync()
            : await client.GetResponseAsync("What burns?", CallsOnce);
        Assert.Equal(2, asked.InputTokens.Count);
        FunctionCallContent call = Assert.Single(response.Messages[0].Contents.OfType<FunctionCallContent>());
        string door = Assert.Single(call.Arguments!).Value!.ToString()!;

        // The same turns by hand, as templates get them, and their answer.
        ToolCall made = new(call.CallId, "readout", $$"""{"door":{{door.ToLowerInvariant()}}}""");
        ChatRequest byHand = new()
        {
            Messages = [new(Role.User, "What burns?"), new(Role.Assistant, "") { ToolCalls = [made] }, new(Role.Tool, Readings) { ToolCallId = call.CallId, Name = "readout" }],
            Tools = [new ToolDefinition("readout", "Reads a meter", """{"type":"object","properties":{"door":{"type":"boolean"}},"required":["door"],"additionalProperties":false}""")],
            MaxNewTokens = 200,
            Sampling = new() { Temperature = 0 },
        };
        ChatOutcome expected = await _service.Chat(byHand).Outcome;
        Assert.Equal(expected.Message.Content, response.Messages[^1].Text);
        Assert.Equal(expected.Usage.PromptTokens, asked.InputTokens[1]);
        Assert.Contains(Readings, _service.Model.RequireTokenizer().Decode(_service.Encode(byHand), skipSpecialTokens: true), StringComparison.Ordinal);
        Assert.Equal(asked.InputTokens.Sum(), response.Usage!.InputTokenCount);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task OpenTelemetry_is_told_by_the_names_of_GenAI(bool streams)
    {
        string source = $"{Source}.{streams}";
        using Listener heard = new(source, _service.Instance);
        using IChatClient client = _client.AsBuilder().UseFunctionInvocation().UseOpenTelemetry(sourceName: source, configure: one => one.EnableSensitiveData = true).Build();
        ChatOptions options = CallsOnce;
        (options.TopP, options.Seed) = (0.5f, 3);
        ChatResponse response = streams
            ? await client.GetStreamingResponseAsync("What burns?", options).ToChatResponseAsync()
            : await client.GetResponseAsync("What burns?", options);

        Activity[] spans = await heard.SpansAsync(source, 3);
        Activity tool = Assert.Single(spans, span => span.OperationName == "execute_tool readout");
        Assert.Equal(("readout", "execute_tool"), (tool.GetTagItem("gen_ai.tool.name"), tool.GetTagItem("gen_ai.operation.name")));
        Activity[] chats = [.. spans.Where(span => span.OperationName == "chat wrapped")], own = await heard.SpansAsync(ServingTelemetry.Name, 2);
        Assert.Equal((2, 2), (chats.Length, own.Length));
        Assert.All(chats, chat =>
        {
            Assert.Equal((ActivityKind.Client, ActivityStatusCode.Unset), (chat.Kind, chat.Status));
            Assert.Equal(("chat", "wrapped", "wrapped", "moa"), (chat.GetTagItem("gen_ai.operation.name"), chat.GetTagItem("gen_ai.request.model"),
                chat.GetTagItem("gen_ai.response.model"), chat.GetTagItem("gen_ai.provider.name")));
            Assert.Equal((200, 0.5f, 3L), (chat.GetTagItem("gen_ai.request.max_tokens"), chat.GetTagItem("gen_ai.request.top_p"), chat.GetTagItem("gen_ai.request.seed")));

            // The service's own span of the request is below the wrapper's, and says the same.
            Activity request = Assert.Single(own, span => span.ParentSpanId == chat.SpanId && span.TraceId == chat.TraceId);
            foreach (string count in (string[])["gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens", "gen_ai.usage.cache_read.input_tokens"])
                Assert.Equal(ToLong(request.GetTagItem(count)), ToLong(chat.GetTagItem(count)));
        });
        Assert.Contains(Readings, (string)chats[1].GetTagItem("gen_ai.input.messages")!, StringComparison.Ordinal);
        UsageDetails usage = response.Usage!;
        Assert.Equal((usage.InputTokenCount, usage.OutputTokenCount), (Sum("gen_ai.usage.input_tokens"), Sum("gen_ai.usage.output_tokens")));
        Assert.Equal(usage.InputTokenCount, heard["gen_ai.client.token.usage"].Where(one => one.Tags["gen_ai.token.type"] is "input").Sum(one => (long)one.Value));
        Assert.Equal(usage.OutputTokenCount, heard["gen_ai.client.token.usage"].Where(one => one.Tags["gen_ai.token.type"] is "output").Sum(one => (long)one.Value));
        Assert.Equal(2, heard["gen_ai.client.operation.duration"].Length);
        Assert.All(heard["gen_ai.client.operation.duration"], one => Assert.Equal(
            (true, "chat", "wrapped", "moa"), (one.Value > 0, one.Tags["gen_ai.operation.name"], one.Tags["gen_ai.request.model"], one.Tags["gen_ai.provider.name"])));
        Assert.Equal(streams ? 2 : 0, heard["gen_ai.client.operation.time_to_first_chunk"].Length);

        long Sum(string tag) => chats.Sum(chat => ToLong(chat.GetTagItem(tag)));
    }

    [Fact]
    public async Task Failures_are_told_too()
    {
        using Listener heard = new($"{Source}.Failures", _service.Instance);
        using IChatClient client = _client.AsBuilder().UseOpenTelemetry(sourceName: $"{Source}.Failures").Build();
        _ = await Assert.ThrowsAsync<RequestRefusedException>(() => client.GetResponseAsync(string.Concat(Enumerable.Repeat("one two three ", 20_000))));
        Activity chat = Assert.Single(await heard.SpansAsync($"{Source}.Failures", 1));
        Assert.Equal((ActivityStatusCode.Error, typeof(RequestRefusedException).FullName), (chat.Status, chat.GetTagItem("error.type")));
        Assert.Equal(typeof(RequestRefusedException).FullName, Assert.Single(heard["gen_ai.client.operation.duration"]).Tags["error.type"]);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_cache_answers_what_was_asked_before(bool streams)
    {
        MemoryDistributedCache cache = new(Options.Create(new MemoryDistributedCacheOptions()));
        using IChatClient client = _client.AsBuilder().UseDistributedCache(cache).Build();
        ChatOptions options = new() { Temperature = 2, MaxOutputTokens = 12 };
        ChatResponse[] answers = new ChatResponse[3];
        for (int i = 0; i < 3; i++)
        {
            string question = i < 2 ? "Hello" : "Hello!";
            answers[i] = streams ? await client.GetStreamingResponseAsync(question, options).ToChatResponseAsync() : await client.GetResponseAsync(question, options);
        }

        Assert.Equal(2, _service.State.Ended);
        Assert.Equal((answers[0].Text, answers[0].FinishReason, answers[0].ModelId, answers[0].ResponseId), (answers[1].Text, answers[1].FinishReason, answers[1].ModelId, answers[1].ResponseId));
        Assert.Equal(answers[0].Usage!.AdditionalCounts!["moa.kv.bytes"], answers[1].Usage!.AdditionalCounts!["moa.kv.bytes"]);
        Assert.NotEqual(answers[0].ResponseId, answers[2].ResponseId);
    }

    [Fact]
    public async Task A_log_gets_questions_and_answers()
    {
        using Log log = new();
        using LoggerFactory factory = new([log], new LoggerFilterOptions { MinLevel = LogLevel.Trace });
        using IChatClient client = _client.AsBuilder().UseFunctionInvocation().UseLogging(factory).Build();
        ChatResponse response = await client.GetResponseAsync("What burns?", CallsOnce);
        _ = await client.GetStreamingResponseAsync("What burns?", CallsOnce).ToListAsync();
        Assert.Contains(log.Lines, line => line.Contains("What burns?", StringComparison.Ordinal));
        Assert.Contains(log.Lines, line => line.Contains(Readings, StringComparison.Ordinal));
        Assert.Contains(log.Lines, line => line.Contains(response.ResponseId!, StringComparison.Ordinal));
    }

    private static long ToLong(object? tag) => Convert.ToInt64(tag, System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>Counts the tokens of each prompt that the loop of functions asks with; of the answer's own counts it makes sums.</summary>
    private sealed class Recorder(IChatClient inner) : DelegatingChatClient(inner)
    {
        public List<long?> InputTokens { get; } = [];

        public override async Task<ChatResponse> GetResponseAsync(IEnumerable<ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default)
        {
            ChatResponse response = await base.GetResponseAsync(messages, options, cancellationToken);
            InputTokens.Add(response.Usage!.InputTokenCount);
            return response;
        }

        public override async IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(
            IEnumerable<ChatMessage> messages, ChatOptions? options = null, [EnumeratorCancellation] CancellationToken cancellationToken = default)
        {
            await foreach (ChatResponseUpdate update in base.GetStreamingResponseAsync(messages, options, cancellationToken))
            {
                InputTokens.AddRange(update.Contents.OfType<UsageContent>().Select(usage => usage.Details.InputTokenCount));
                yield return update;
            }
        }
    }

    /// <summary>The spans and numbers of one source, and the spans of one service.</summary>
    private sealed class Listener : IDisposable
    {
        private readonly ConcurrentQueue<Activity> _spans = [];
        private readonly ConcurrentQueue<(string Name, double Value, Dictionary<string, object?> Tags)> _numbers = [];
        private readonly ActivityListener _activities;
        private readonly MeterListener _meters = new();

        public Listener(string source, int instance)
        {
            _activities = new ActivityListener
            {
                ShouldListenTo = one => one.Name == source || one.Name == ServingTelemetry.Name,
                Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
                ActivityStopped = span =>
                {
                    if (span.Source.Name == source || Equals(span.GetTagItem(ServingTelemetry.InstanceTag), instance))
                        _spans.Enqueue(span);
                },
            };
            ActivitySource.AddActivityListener(_activities);
            _meters.InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Meter.Name == source)
                    listener.EnableMeasurementEvents(instrument);
            };
            _meters.SetMeasurementEventCallback<double>((instrument, value, tags, _) => _numbers.Enqueue((instrument.Name, value, new(tags.ToArray()))));
            _meters.SetMeasurementEventCallback<int>((instrument, value, tags, _) => _numbers.Enqueue((instrument.Name, value, new(tags.ToArray()))));
            _meters.Start();
        }

        public (double Value, Dictionary<string, object?> Tags)[] this[string name] => [.. _numbers.Where(one => one.Name == name).Select(one => (one.Value, one.Tags))];

        public async Task<Activity[]> SpansAsync(string source, int atLeast)
        {
            for (int tries = 0; tries < 500 && _spans.Count(span => span.Source.Name == source) < atLeast; tries++)
                await Task.Delay(10);
            Activity[] spans = [.. _spans.Where(span => span.Source.Name == source)];
            Assert.True(spans.Length >= atLeast, $"{spans.Length} spans of {source}");
            return spans;
        }

        public void Dispose()
        {
            _activities.Dispose();
            _meters.Dispose();
        }
    }

    private sealed class Log : ILoggerProvider, ILogger
    {
        public ConcurrentQueue<string> Lines { get; } = [];

        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        void ILogger.Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            Lines.Enqueue(formatter(state, exception));

        public void Dispose()
        {
        }
    }
}
