using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Text;
using Microsoft.AspNetCore.Http;
using MoA.Serving.Telemetry;

namespace MoA.Server.Operations;

/// <summary><c>GET /metrics</c>: the service's instruments, and ASP.NET Core's own of requests and connections, in Prometheus' text format.</summary>
internal sealed class ServerMetrics : IDisposable
{
    private static readonly string[] Meters = [ServingTelemetry.Name, "Microsoft.AspNetCore.Hosting", "Microsoft.AspNetCore.Server.Kestrel"];

    private readonly ConcurrentDictionary<Instrument, MetricFamily> _families = [];
    private readonly MeterListener _listener = new();
    private readonly Lock _collecting = new();

    public ServerMetrics()
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (Meters.Contains(instrument.Meter.Name))
                listener.EnableMeasurementEvents(instrument, _families.GetOrAdd(instrument, static instrument => new MetricFamily(instrument)));
        };
        _listener.SetMeasurementEventCallback<double>(static (_, value, tags, family) => ((MetricFamily)family!).Take(value, tags));
        _listener.SetMeasurementEventCallback<long>(static (_, value, tags, family) => ((MetricFamily)family!).Take(value, tags));
        _listener.SetMeasurementEventCallback<int>(static (_, value, tags, family) => ((MetricFamily)family!).Take(value, tags));
        _listener.Start();
    }

    /// <summary>Answers with all numbers.</summary>
    public async Task SendAsync(HttpContext context)
    {
        context.Response.ContentType = "text/plain; version=0.0.4; charset=utf-8";
        await context.Response.WriteAsync(Collect(), context.RequestAborted);
    }

    public void Dispose() => _listener.Dispose();

    /// <summary>All numbers as text.</summary>
    internal string Collect()
    {
        StringBuilder text = new();
        lock (_collecting)
        {
            MetricFamily[] families = [.. _families.Values.OrderBy(family => family.Name, StringComparer.Ordinal)];
            foreach (MetricFamily family in families)
                family.BeginCollection();
            _listener.RecordObservableInstruments();
            foreach (MetricFamily family in families)
                family.WriteTo(text);
        }

        return text.ToString();
    }
}
