using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using MoA.Engine.Generation;
using MoA.Engine.Numerics;
using MoA.Engine.Tests.Generation;
using MoA.Engine.Tokenization;
using MoA.Serving.Chat;
using MoA.Serving.Telemetry;

namespace MoA.Serving.Tests;

/// <summary>What services tell of themselves, to listeners as OpenTelemetry's SDK is one.</summary>
public sealed class TelemetryTests(DemoModel demo) : IClassFixture<DemoModel>
{
    private readonly LanguageModel _model = demo.Model;

    private static ServiceOptions Options { get; } = new() { CacheType = ElementType.F32, CacheBytes = 64 << 20 };

    private static ChatRequest Question { get; } = new() { Messages = [new(ChatRole.User, DemoModel.Question)] };

    [Fact]
    public async Task Requests_leave_the_numbers_that_OpenTelemetry_names()
    {
        await using ModelService service = new(_model, Options with { Name = "measured" });
        await using ModelService other = new(_model, Options with { Name = "measured" });
        using Measurements measured = new(service.Instance);
        ChatOutcome outcome = await service.Chat(Question).Outcome;
        _ = await service.Generate(new GenerationRequest { Prompt = [5, 6, 7], MaxNewTokens = 4 }).Outcome;
        _ = await other.Chat(Question).Outcome;
        _ = Assert.Throws<RequestRefusedException>(() => service.Generate(new GenerationRequest { Prompt = new int[1 << 20] }));
        measured.Collect();
        Usage usage = outcome.Usage;

        Measurement duration = Assert.Single(measured["gen_ai.server.request.duration"], one => one.Tag("gen_ai.operation.name") == "chat");
        Assert.Equal((usage.Waited + usage.Total).TotalSeconds, duration.Value, 9);
        Assert.Equal(("measured", "measured", "moa", null), (duration.Tag("gen_ai.request.model"), duration.Tag("gen_ai.response.model"), duration.Tag("gen_ai.provider.name"), duration.Tag("error.type")));
        Assert.Equal((usage.Waited + usage.FirstToken).TotalSeconds, measured["gen_ai.server.time_to_first_token"][0].Value, 9);
        Assert.Equal((usage.Total - usage.FirstToken).TotalSeconds / (usage.NewTokens - 1), measured["gen_ai.server.time_per_output_token"][0].Value, 9);
        Assert.Equal([("input", usage.PromptTokens), ("output", usage.NewTokens), ("input", 3), ("output", 4)],
            measured["gen_ai.client.token.usage"].Select(one => (one.Tag("gen_ai.token.type")!, (int)one.Value)));
        Assert.Equal([1.0, 1.0], measured["moa.density"].Select(one => one.Value));
        Assert.Equal(["ContextTooLong"], measured["moa.requests.refused"].Select(one => one.Tag("error.type")!));
        Assert.Equal(3, measured["gen_ai.server.request.duration"].Length);

        ServiceState state = service.State;
        Assert.Equal(64 << 20, Assert.Single(measured["moa.kv.limit"]).Value);
        Assert.Equal(state.CacheBytes, Assert.Single(measured["moa.kv.bytes"]).Value);
        Assert.Equal(state.PeakCacheBytes, Assert.Single(measured["moa.kv.peak"]).Value);
        Assert.Equal((0, 0), (Assert.Single(measured["moa.queue.length"]).Value, Assert.Single(measured["moa.running"]).Value));
        Assert.Equal(2, Assert.Single(measured["moa.requests.ended"]).Value);
        Assert.Equal(usage.NewTokens + 4, Assert.Single(measured["moa.new.tokens"]).Value);
        Assert.Equal(usage.PromptTokens + 3, Assert.Single(measured["moa.prompt.tokens"]).Value);
        Assert.Equal(2, Assert.Single(measured["moa.prefix.hits"]).Value + Assert.Single(measured["moa.prefix.misses"]).Value);
        Assert.Equal(state.CachedTokens, Assert.Single(measured["moa.prefix.tokens"]).Value);
        Assert.True(Assert.Single(measured["moa.tokens.per.second"]).Value > 0);
    }

    [Fact]
    public async Task Spans_are_the_callers_children_and_say_what_was_asked_and_what_came()
    {
        await using ModelService service = new(_model, Options with { Name = "spanned" });
        using Spans spans = new(service.Instance);
        using Activity caller = new Activity("caller").Start();
        ChatOutcome outcome = await service.Chat(Question with { Stop = [" calm"], MaxNewTokens = 50 }).Outcome;
        Assert.Same(caller, Activity.Current);
        _ = await service.Generate(new GenerationRequest { Prompt = [5], MaxNewTokens = 3, Sampling = new() { Temperature = 0.5, TopK = 9, Seed = 4 } }).Outcome;
        _ = Assert.Throws<RequestRefusedException>(() => service.Generate(new GenerationRequest { Prompt = new int[1 << 20] }));
        Assert.Same(caller, Activity.Current);

        Activity[] ended = await spans.WaitAsync(3);
        Activity chat = Assert.Single(ended, span => span.DisplayName == "chat spanned");
        Assert.Equal((caller.SpanId, caller.TraceId, ActivityKind.Internal), (chat.ParentSpanId, chat.TraceId, chat.Kind));
        Assert.Equal(("chat", "spanned", 50, "text"), (chat.GetTagItem("gen_ai.operation.name"), chat.GetTagItem("gen_ai.request.model"),
            chat.GetTagItem("gen_ai.request.max_tokens"), chat.GetTagItem("gen_ai.output.type")));
        Assert.Equal(new[] { " calm" }, chat.GetTagItem("gen_ai.request.stop_sequences"));
        Assert.Equal(new[] { "stop" }, chat.GetTagItem("gen_ai.response.finish_reasons"));
        Assert.Equal((outcome.Usage.PromptTokens, outcome.Usage.NewTokens, outcome.Usage.CacheBytes), (chat.GetTagItem("gen_ai.usage.input_tokens"),
            chat.GetTagItem("gen_ai.usage.output_tokens"), chat.GetTagItem("moa.kv.bytes")));
        Assert.Equal(ActivityStatusCode.Unset, chat.Status);

        Activity[] texts = [.. ended.Where(span => span.DisplayName == "text_completion spanned").OrderBy(span => span.Status)];
        Assert.Equal(2, texts.Length);
        Assert.Equal((0.5, 9, 4L), (texts[0].GetTagItem("gen_ai.request.temperature"), texts[0].GetTagItem("gen_ai.request.top_k"), texts[0].GetTagItem("gen_ai.request.seed")));
        Assert.Equal(new[] { "length" }, texts[0].GetTagItem("gen_ai.response.finish_reasons"));
        Assert.Equal((ActivityStatusCode.Error, "ContextTooLong"), (texts[1].Status, texts[1].GetTagItem("error.type")));
    }

    [Fact]
    public async Task What_was_cancelled_says_so()
    {
        await using ModelService service = new(_model, Options);
        using Measurements measured = new(service.Instance);
        TextReply reply = service.Generate(new GenerationRequest { Prompt = [5], MaxNewTokens = 3000, Sampling = new() { Temperature = 1 } });
        await foreach (GenerationPiece piece in reply)
            break;
        _ = await reply.Outcome;
        Assert.Equal("cancelled", Assert.Single(measured["gen_ai.server.request.duration"]).Tag("error.type"));
        measured.Collect();
        Assert.Equal(1, Assert.Single(measured["moa.requests.cancelled"]).Value);
    }

    [Fact]
    public async Task A_service_that_was_disposed_is_heard_of_no_more()
    {
        ModelService service = new(_model, Options);
        using Measurements measured = new(service.Instance);
        measured.Collect();
        _ = Assert.Single(measured["moa.kv.limit"]);
        await service.DisposeAsync();
        measured.Collect();
        _ = Assert.Single(measured["moa.kv.limit"]);
    }

    [Fact]
    public async Task A_listener_that_fails_harms_nobody()
    {
        await using ModelService service = new(_model, Options);
        using MeterListener listener = new()
        {
            InstrumentPublished = static (instrument, listener) =>
            {
                if (instrument.Name == "gen_ai.server.request.duration")
                    listener.EnableMeasurementEvents(instrument);
            },
        };
        listener.SetMeasurementEventCallback<double>((_, _, tags, _) =>
        {
            if (tags.ToArray().Contains(new(ServingTelemetry.InstanceTag, service.Instance)))
                throw new InvalidOperationException("a listener's fault");
        });
        listener.Start();
        for (int i = 0; i < 3; i++)
            Assert.Equal(4, (await service.Generate(new GenerationRequest { Prompt = [5], MaxNewTokens = 4 }).Outcome).Tokens.Count);
    }

    private sealed record Measurement(double Value, KeyValuePair<string, object?>[] Tags)
    {
        public string? Tag(string key) => Tags.FirstOrDefault(tag => tag.Key == key).Value?.ToString();
    }

    // The numbers of one service; others of the process run beside it.
    private sealed class Measurements : IDisposable
    {
        private readonly ConcurrentDictionary<string, ConcurrentQueue<Measurement>> _all = [];
        private readonly MeterListener _listener = new();
        private readonly int _instance;

        public Measurements(int instance)
        {
            _instance = instance;
            _listener.InstrumentPublished = static (instrument, listener) =>
            {
                if (instrument.Meter.Name == ServingTelemetry.Name)
                    listener.EnableMeasurementEvents(instrument);
            };
            _listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Add(instrument, value, tags));
            _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Add(instrument, value, tags));
            _listener.Start();
        }

        public Measurement[] this[string name] => [.. _all.GetValueOrDefault(name) ?? []];

        public void Collect() => _listener.RecordObservableInstruments();

        public void Dispose() => _listener.Dispose();

        private void Add(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
        {
            Measurement measurement = new(value, tags.ToArray());
            if (measurement.Tag(ServingTelemetry.InstanceTag) == $"{_instance}")
                _all.GetOrAdd(instrument.Name, _ => []).Enqueue(measurement);
        }
    }

    private sealed class Spans : IDisposable
    {
        private readonly ConcurrentQueue<Activity> _ended = [];
        private readonly ActivityListener _listener;

        public Spans(int instance)
        {
            _listener = new ActivityListener
            {
                ShouldListenTo = source => source.Name == ServingTelemetry.Name,
                Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
                ActivityStopped = span =>
                {
                    if (Equals(span.GetTagItem(ServingTelemetry.InstanceTag), instance))
                        _ended.Enqueue(span);
                },
            };
            ActivitySource.AddActivityListener(_listener);
        }

        public async Task<Activity[]> WaitAsync(int count)
        {
            for (int i = 0; _ended.Count < count && i < 500; i++)
                await Task.Delay(10);
            Activity[] ended = [.. _ended];
            Assert.Equal(count, ended.Length);
            return ended;
        }

        public void Dispose() => _listener.Dispose();
    }
}
