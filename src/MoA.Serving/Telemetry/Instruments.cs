using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace MoA.Serving.Telemetry;

/// <summary>
/// The instruments, which all services of a process share. What stands at any moment is asked of services when somebody collects; what a request took is
/// recorded once, at its end. So nothing is done in a step.
/// </summary>
internal static class Instruments
{
    private static readonly string? Version = typeof(Instruments).Assembly.GetName().Version?.ToString(3);
    private static readonly Meter Meter = new(ServingTelemetry.Name, Version);

    /// <summary>Spans of requests.</summary>
    public static ActivitySource Source { get; } = new(ServingTelemetry.Name, Version);

    public static Histogram<double> Duration { get; } = Histogram(
        "gen_ai.server.request.duration", "s", "From a request's arrival to its end",
        0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92);

    public static Histogram<double> FirstToken { get; } = Histogram(
        "gen_ai.server.time_to_first_token", "s", "From a request's arrival to its first token",
        0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10);

    public static Histogram<double> PerToken { get; } = Histogram(
        "gen_ai.server.time_per_output_token", "s", "Time between tokens after the first", 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5);

    public static Histogram<long> Tokens { get; } = Meter.CreateHistogram<long>(
        "gen_ai.client.token.usage", "{token}", "Tokens of a request's prompt, and of its text", tags: null,
        new InstrumentAdvice<long> { HistogramBucketBoundaries = [.. Enumerable.Range(0, 14).Select(power => 1L << (2 * power))] });

    public static Histogram<double> Waited { get; } = Histogram(
        "moa.queue.duration", "s", "Time of a request in the queue", 0.001, 0.01, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 600);

    public static Histogram<double> Density { get; } = Histogram(
        "moa.density", "1", "Bytes of a request's KV caches as a share of what dense attention would hold", 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1);

    public static Counter<long> Refused { get; } = Meter.CreateCounter<long>("moa.requests.refused", "{request}", "Requests that were refused");

    static Instruments()
    {
        Gauge("moa.kv.bytes", "By", "Bytes of all KV caches, those of kept prefixes included", state => state.CacheBytes);
        Gauge("moa.kv.limit", "By", "The most that they may be", state => state.CacheLimit);
        Gauge("moa.kv.peak", "By", "The most that they were", state => state.PeakCacheBytes);
        Gauge("moa.queue.length", "{request}", "Requests that wait", state => state.Waiting);
        Gauge("moa.running", "{request}", "Requests whose prompt is read or whose text is written", state => state.Running);
        Gauge("moa.prefix.count", "{prefix}", "Kept prefixes", state => state.Prefixes);
        Gauge("moa.prefix.bytes", "By", "Bytes of their caches", state => state.PrefixBytes);
        Counter("moa.prefix.hits", "{request}", "Requests that began on kept caches", state => state.PrefixHits);
        Counter("moa.prefix.misses", "{request}", "Requests that began on empty caches", state => state.PrefixMisses);
        Counter("moa.prefix.tokens", "{token}", "Prompt tokens that were in kept caches", state => state.CachedTokens);
        Counter("moa.prompt.tokens", "{token}", "Prompt tokens of all requests that have begun", state => state.PromptTokens);
        Counter("moa.new.tokens", "{token}", "Tokens written", state => state.NewTokens);
        Counter("moa.requests.ended", "{request}", "Requests that have ended, whatever their end", state => state.Ended);
        Counter("moa.requests.cancelled", "{request}", "Requests that were cancelled", state => state.Cancelled);
        _ = Meter.CreateObservableGauge(
            "moa.tokens.per.second", () => ServiceTelemetry.Observe(state => state.NewTokensPerSecond), "{token}/s", "Tokens written in the last seconds, a second");
    }

    /// <summary>Whether anybody wants to know what a request took.</summary>
    public static bool AreListenedTo =>
        Source.HasListeners() || Duration.Enabled || FirstToken.Enabled || PerToken.Enabled || Tokens.Enabled || Waited.Enabled || Density.Enabled || Refused.Enabled;

    private static Histogram<double> Histogram(string name, string unit, string description, params double[] boundaries) => Meter.CreateHistogram(
        name, unit, description, tags: null, new InstrumentAdvice<double> { HistogramBucketBoundaries = boundaries });

    private static void Gauge(string name, string unit, string description, Func<ServiceState, long> read) =>
        Meter.CreateObservableUpDownCounter(name, () => ServiceTelemetry.Observe(read), unit, description);

    private static void Counter(string name, string unit, string description, Func<ServiceState, long> read) =>
        Meter.CreateObservableCounter(name, () => ServiceTelemetry.Observe(read), unit, description);
}
