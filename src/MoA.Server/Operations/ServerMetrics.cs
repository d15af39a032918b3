using System.Diagnostics.Metrics;
using Microsoft.AspNetCore.Http;
using Prometheus;

namespace MoA.Server.Operations;

/// <summary><c>GET /metrics</c>: the service's instruments, and ASP.NET Core's own of requests and connections, in Prometheus' text format.</summary>
internal sealed class ServerMetrics : IDisposable
{
    private const string OwnMeter = "MoA";

    private static readonly string[] Meters = [OwnMeter, "Microsoft.AspNetCore.Hosting", "Microsoft.AspNetCore.Server.Kestrel"];

    private readonly CollectorRegistry _registry = Metrics.NewCustomRegistry();
    private readonly IDisposable _listening;

    public ServerMetrics() => _listening = MeterAdapter.StartListening(new MeterAdapterOptions
    {
        InstrumentFilterPredicate = static instrument => Meters.Contains(instrument.Meter.Name),
        Registry = _registry,
        MetricFactory = Metrics.WithCustomRegistry(_registry),
    });

    /// <summary>Answers with all numbers.</summary>
    public async Task SendAsync(HttpContext context)
    {
        context.Response.ContentType = PrometheusConstants.TextContentType;
        await _registry.CollectAndExportAsTextAsync(context.Response.Body, context.RequestAborted);
    }

    public void Dispose() => _listening.Dispose();
}
