using System.Diagnostics;
using MoA.Engine.Generation;
using MoA.Serving.Chat;

namespace MoA.Serving.Telemetry;

/// <summary>A request's span, and what is recorded at its end.</summary>
internal sealed class RequestTelemetry
{
    private const string Cancelled = "cancelled";

    private readonly TagList _tags;
    private readonly long _arrival = Stopwatch.GetTimestamp();
    private readonly Activity? _span;

    /// <summary>Begins the span, as a child of what the caller does; the caller's own activity stays the current one.</summary>
    public RequestTelemetry(in TagList tags, string name)
    {
        _tags = tags;
        Activity? callers = Activity.Current;
        _span = Instruments.Source.StartActivity(ActivityKind.Internal, tags: tags, name: name);
        Activity.Current = callers;
    }

    /// <summary>OpenTelemetry's word for the end of a text.</summary>
    public static string NameOf(FinishReason finish) => finish switch
    {
        FinishReason.Length => "length",
        FinishReason.Cancelled => Cancelled,
        _ => "stop",
    };

    /// <summary>OpenTelemetry's word for the end of an answer.</summary>
    public static string NameOf(ChatFinish finish) => finish switch
    {
        ChatFinish.Length => "length",
        ChatFinish.ToolCalls => "tool_calls",
        ChatFinish.Cancelled => Cancelled,
        _ => "stop",
    };

    /// <summary>Tells how the text is to be written.</summary>
    public void Describe(int? maxNewTokens, SamplingOptions sampling, IReadOnlyList<string> stop, bool json)
    {
        if (_span is not { IsAllDataRequested: true })
            return;
        _ = _span.SetTag("gen_ai.request.max_tokens", maxNewTokens)
            .SetTag("gen_ai.request.temperature", sampling.Temperature)
            .SetTag("gen_ai.request.top_p", sampling.TopP)
            .SetTag("gen_ai.request.top_k", sampling.TopK == 0 ? null : sampling.TopK)
            .SetTag("gen_ai.request.frequency_penalty", sampling.FrequencyPenalty)
            .SetTag("gen_ai.request.presence_penalty", sampling.PresencePenalty)
            .SetTag("gen_ai.request.seed", sampling.Temperature > 0 ? unchecked((long)sampling.Seed) : null)
            .SetTag("gen_ai.request.stop_sequences", stop.Count > 0 ? stop.ToArray() : null)
            .SetTag("gen_ai.output.type", json ? "json" : "text");
    }

    /// <summary>The text has ended.</summary>
    /// <param name="finish">Why: <c>stop</c>, <c>length</c>, <c>tool_calls</c>, <c>cancelled</c>.</param>
    /// <param name="usage">What it took.</param>
    public void End(string finish, Usage usage) => Tell(static (telemetry, it) => telemetry.Record(it.finish, it.usage), (finish, usage));

    /// <summary>The request was refused, or failed.</summary>
    public void Fail(Exception failure) => Tell(static (telemetry, failure) => telemetry.Record(failure), failure);

    private void Record(string finish, Usage usage)
    {
        TagList tags = _tags;
        if (finish == Cancelled)
            tags.Add("error.type", finish);
        Instruments.Duration.Record((usage.Waited + usage.Total).TotalSeconds, tags);
        Instruments.Waited.Record(usage.Waited.TotalSeconds, tags);
        if (usage.NewTokens > 0)
        {
            Instruments.FirstToken.Record((usage.Waited + usage.FirstToken).TotalSeconds, tags);
            Instruments.Density.Record(usage.Density, tags);
            Count("input", usage.PromptTokens, tags);
            Count("output", usage.NewTokens, tags);
        }

        if (usage.NewTokens > 1)
            Instruments.PerToken.Record((usage.Total - usage.FirstToken).TotalSeconds / (usage.NewTokens - 1), tags);
        if (_span is { IsAllDataRequested: true })
        {
            _ = _span.SetTag("gen_ai.response.finish_reasons", new[] { finish })
                .SetTag("gen_ai.usage.input_tokens", usage.PromptTokens)
                .SetTag("gen_ai.usage.output_tokens", usage.NewTokens)
                .SetTag("gen_ai.usage.cache_read.input_tokens", usage.CachedTokens)
                .SetTag("moa.kv.bytes", usage.CacheBytes)
                .SetTag("moa.density", usage.Density)
                .SetTag("moa.queue.duration", usage.Waited.TotalSeconds)
                .SetTag("moa.prefix.read_again", usage.ReadAgain)
                .SetTag("error.type", finish == Cancelled ? finish : null);
        }
    }

    private void Record(Exception failure)
    {
        string type = failure is RequestRefusedException refused ? refused.Reason.ToString() : failure.GetType().FullName!;
        TagList tags = _tags;
        tags.Add("error.type", type);
        if (failure is RequestRefusedException)
            Instruments.Refused.Add(1, tags);
        Instruments.Duration.Record(Stopwatch.GetElapsedTime(_arrival).TotalSeconds, tags);
        _ = _span?.SetTag("error.type", type).SetStatus(ActivityStatusCode.Error, failure.Message);
    }

    private static void Count(string type, long tokens, TagList tags)
    {
        tags.Add("gen_ai.token.type", type);
        Instruments.Tokens.Record(tokens, tags);
    }

    // What a listener throws is not the request's fault, and must not end the thread that serves all the others.
    private void Tell<T>(Action<RequestTelemetry, T> record, T of)
    {
        Activity? others = Activity.Current;
        try
        {
            try
            {
                record(this, of);
            }
            finally
            {
                _span?.Stop();
            }
        }
        catch (Exception)
        {
            // its loss
        }
        finally
        {
            Activity.Current = others; // an activity that stops puts its parent in the place of whatever is current on this thread
        }
    }
}
