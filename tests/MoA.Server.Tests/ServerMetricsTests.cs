using System.Diagnostics.Metrics;
using System.Net;
using MoA.Serving.Telemetry;

namespace MoA.Server.Tests;

/// <summary>Prometheus' text format, by https://prometheus.io/docs/instrumenting/exposition_formats/ and OpenTelemetry's rules for names.</summary>
public sealed class ServerMetricsTests
{
    [Fact]
    public async Task Instruments_of_every_kind_are_written()
    {
        await using TestServer server = await TestServer.StartAsync();
        using Meter meter = new(ServingTelemetry.Name);
        Histogram<double> times = meter.CreateHistogram("try.time", "s", "Time\nof \\ it", tags: null, new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.5, 1] });
        foreach (double time in (double[])[0.25, 0.5, 0.75, 2])
            times.Record(time, new("a.b", "x\"y\\z\n"), new("n", 3));
        Counter<long> counter = meter.CreateCounter<long>("try.count", "{request}");
        counter.Add(2);
        counter.Add(3);
        counter.Add(4, new KeyValuePair<string, object?>("kind", "other"));
        UpDownCounter<int> upDown = meter.CreateUpDownCounter<int>("try.updown.bytes", "By");
        upDown.Add(5);
        upDown.Add(-7);
        _ = meter.CreateObservableCounter("try.observed", () => (Measurement<long>[])[new(7, new KeyValuePair<string, object?>("one", 1)), new(8, new KeyValuePair<string, object?>("one", 2))], "{token}");
        _ = meter.CreateObservableGauge("try.rate", () => 2.5, "{token}/s");

        string[] lines = (await server.Client.GetStringAsync("/metrics")).Split('\n');
        foreach (string line in (string[])
        [
            "# TYPE try_count_total counter", "try_count_total{} 5", "try_count_total{kind=\"other\"} 4",
            "try_observed_total{one=\"1\"} 7", "try_observed_total{one=\"2\"} 8",
            "# TYPE try_rate_per_second gauge", "try_rate_per_second{} 2.5",
            "# HELP try_time_seconds Time\\nof \\\\ it", "# TYPE try_time_seconds histogram",
            "try_time_seconds_bucket{a_b=\"x\\\"y\\\\z\\n\",n=\"3\",le=\"0.5\"} 2", "try_time_seconds_bucket{a_b=\"x\\\"y\\\\z\\n\",n=\"3\",le=\"1\"} 3",
            "try_time_seconds_bucket{a_b=\"x\\\"y\\\\z\\n\",n=\"3\",le=\"+Inf\"} 4", "try_time_seconds_sum{a_b=\"x\\\"y\\\\z\\n\",n=\"3\"} 3.5",
            "try_time_seconds_count{a_b=\"x\\\"y\\\\z\\n\",n=\"3\"} 4",
            "# TYPE try_updown_bytes gauge", "try_updown_bytes{} -2",
        ])
        {
            Assert.Contains(line, lines);
        }
    }

    [Fact]
    public async Task Names_are_those_of_the_page()
    {
        await using TestServer server = await TestServer.StartAsync();
        _ = await server.AskAsync("/v1/completions", """{"prompt":"x","max_tokens":2}""");
        string[] lines = (await server.Client.GetStringAsync("/metrics")).Split('\n');
        string own = $"moa_instance=\"{server.Service.Instance}\"";
        foreach (string name in (string[])
        [
            "moa_kv_bytes", "moa_kv_limit_bytes", "moa_kv_peak_bytes", "moa_queue_length", "moa_running", "moa_prefix_count", "moa_prefix_bytes", "moa_prefix_hits_total",
            "moa_prefix_misses_total", "moa_prefix_tokens_total", "moa_prompt_tokens_total", "moa_new_tokens_total", "moa_requests_ended_total", "moa_requests_cancelled_total",
            "moa_tokens_per_second", "gen_ai_server_request_duration_seconds_bucket", "gen_ai_server_time_to_first_token_seconds_count", "gen_ai_server_time_per_output_token_seconds_sum",
            "gen_ai_client_token_usage_bucket", "moa_queue_duration_seconds_bucket", "moa_density_bucket",
        ])
        {
            Assert.Contains(lines, line => line.StartsWith($"{name}{{", StringComparison.Ordinal) && line.Contains(own, StringComparison.Ordinal));
        }

        Assert.Contains(lines, line => line.StartsWith("gen_ai_server_request_duration_seconds_bucket{", StringComparison.Ordinal) && line.Contains("le=\"81.92\"", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Tags_do_not_make_series_without_end()
    {
        await using TestServer server = await TestServer.StartAsync();
        using Meter meter = new(ServingTelemetry.Name);
        Counter<long> counter = meter.CreateCounter<long>("many.series");
        for (int i = 0; i < 5000; i++)
            counter.Add(1, new KeyValuePair<string, object?>("i", i));
        string[] lines = (await server.Client.GetStringAsync("/metrics")).Split('\n');
        Assert.InRange(lines.Count(line => line.StartsWith("many_series_total{", StringComparison.Ordinal)), 1000, 2001);
    }

    [Fact]
    public async Task Nothing_but_reading_is_answered()
    {
        await using TestServer server = await TestServer.StartAsync();
        using HttpResponseMessage posted = await server.Client.PostAsync("/metrics", null);
        Assert.Equal(HttpStatusCode.MethodNotAllowed, posted.StatusCode);
        using HttpRequestMessage head = new(HttpMethod.Head, "/metrics");
        using HttpResponseMessage asked = await server.Client.SendAsync(head);
        Assert.Equal(HttpStatusCode.OK, asked.StatusCode);
    }
}
