using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using MoA.Serving.Telemetry;
using OpenTelemetry.Metrics;

namespace MoA.Server.Operations;

/// <summary><c>GET /metrics</c>: the service's instruments, and .NET's own of requests, connections, memory and processors, in Prometheus' text format.</summary>
internal static class ServerMetrics
{
    private static readonly string[] Meters = [ServingTelemetry.Name, "System.Runtime", "Microsoft.AspNetCore.Hosting", "Microsoft.AspNetCore.Server.Kestrel"];

    /// <summary>Adds what gathers the numbers.</summary>
    public static void AddTo(IServiceCollection services) => services.AddMetrics().AddOpenTelemetry().WithMetrics(metrics => metrics
        .AddMeter(Meters)
        .AddPrometheusExporter(options =>
        {
            options.ScopeInfoEnabled = false;
            options.TargetInfoEnabled = false;
            options.ScrapeResponseCacheDurationMilliseconds = 0;
        }));

    /// <summary>What answers with all numbers.</summary>
    public static RequestDelegate Scraper(IEndpointRouteBuilder app) =>
        app.CreateApplicationBuilder().UseOpenTelemetryPrometheusScrapingEndpoint(static _ => true).Build();
}
