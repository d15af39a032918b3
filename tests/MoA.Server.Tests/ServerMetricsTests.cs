using System.Diagnostics.Metrics;
using MoA.Server.Operations;
using MoA.Serving.Telemetry;

namespace MoA.Server.Tests;

/// <summary>Prometheus' text format, by https://prometheus.io/docs/instrumenting/exposition_formats/ and OpenTelemetry's rules for names.</summary>
public sealed class ServerMetricsTests
{
    [Fact]
    public void Instruments_of_every_kind_are_written()
    {
        using ServerMetrics metrics = new();
        using Meter meter = new(ServingTelemetry.Name);
        Histogram<double> times = meter.CreateHistogram("try.time", "s", "Time\nof \\ it", tags: null, new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.5, 1] });
        foreach (double time in (double[])[0.25, 0.5, 0.75, 2])
            times.Record(time, new("a.b", "x\"y\\z\n"), new("n", 3));
        meter.CreateHistogram<long>("try.usual").Record(3);
        Counter<long> counter = meter.CreateCounter<long>("try.count", "{request}");
        counter.Add(2);
        counter.Add(3);
        counter.Add(4, new KeyValuePair<string, object?>("kind", "other"));
        UpDownCounter<int> upDown = meter.CreateUpDownCounter<int>("try.updown.bytes", "By");
        upDown.Add(5);
        upDown.Add(-7);
        Gauge<double> gauge = meter.CreateGauge<double>("try.gauge", "By");
        gauge.Record(1.5);
        gauge.Record(double.NaN);
        List<Measurement<long>> seen = [new(7, new KeyValuePair<string, object?>("one", 1)), new(8, new KeyValuePair<string, object?>("one", 2))];
        _ = meter.CreateObservableCounter("try.observed", () => seen, "{token}");
        _ = meter.CreateObservableGauge("try.rate", () => 1e21, "{token}/s");

        string[] lines = [.. metrics.Collect().Split('\n').Where(line => line.Contains("try_", StringComparison.Ordinal))];
        Assert.Equal(
        [
            "# HELP try_count_total ", "# TYPE try_count_total counter", "try_count_total 5", "try_count_total{kind=\"other\"} 4",
            "# HELP try_gauge_bytes ", "# TYPE try_gauge_bytes gauge", "try_gauge_bytes NaN",
            "# HELP try_observed_total ", "# TYPE try_observed_total counter", "try_observed_total{one=\"1\"} 7", "try_observed_total{one=\"2\"} 8",
            "# HELP try_rate_per_second ", "# TYPE try_rate_per_second gauge", "try_rate_per_second 1E+21",
            "# HELP try_time_seconds Time\\nof \\\\ it", "# TYPE try_time_seconds histogram",
            "try_time_seconds_bucket{a_b=\"x\\\"y\\\\z\\n\",n=\"3\",le=\"0.5\"} 2", "try_time_seconds_bucket{a_b=\"x\\\"y\\\\z\\n\",n=\"3\",le=\"1\"} 3",
            "try_time_seconds_bucket{a_b=\"x\\\"y\\\\z\\n\",n=\"3\",le=\"+Inf\"} 4", "try_time_seconds_sum{a_b=\"x\\\"y\\\\z\\n\",n=\"3\"} 3.5",
            "try_time_seconds_count{a_b=\"x\\\"y\\\\z\\n\",n=\"3\"} 4",
            "# HELP try_updown_bytes ", "# TYPE try_updown_bytes gauge", "try_updown_bytes -2",
        ], lines.Where(line => !line.Contains("try_usual", StringComparison.Ordinal)));
        Assert.Contains("try_usual_bucket{le=\"5\"} 1", lines);
        Assert.Contains("try_usual_count 1", lines);

        seen.RemoveAt(0);
        Assert.DoesNotContain("try_observed_total{one=\"1\"}", metrics.Collect(), StringComparison.Ordinal);
        Assert.Contains("try_observed_total{one=\"2\"} 8\n", metrics.Collect(), StringComparison.Ordinal);
    }

    [Fact]
    public void Tags_do_not_make_series_without_end()
    {
        using ServerMetrics metrics = new();
        using Meter meter = new(ServingTelemetry.Name);
        Counter<long> counter = meter.CreateCounter<long>("many.series");
        for (int i = 0; i < 5000; i++)
            counter.Add(1, new KeyValuePair<string, object?>("i", i));
        Assert.Equal(2000, metrics.Collect().Split('\n').Count(line => line.StartsWith("many_series_total{", StringComparison.Ordinal)));
    }
}
