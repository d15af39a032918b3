using System.Diagnostics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using MoA.Serving;

namespace MoA.Extensions.AI.Hosting;

/// <summary>
/// Opens a model once: when the host starts, or at its first use where there is no host. The container disposes it; before that, a host that stops lets
/// answers end within its own time limit.
/// </summary>
internal sealed partial class ModelHost(IServiceProvider services, object? key) : IHostedService
{
    private readonly ILogger _logger = services.GetService<ILoggerFactory>()?.CreateLogger(typeof(ModelHost).Namespace!) ?? NullLogger.Instance;
    private CancellationToken _starting;
    private ModelService? _service;

    /// <summary>The name of the options of a key.</summary>
    public static string NameOf(object? key) => key?.ToString() ?? Options.DefaultName;

    /// <summary>Opens the model; the container sees to it that this happens once.</summary>
    public ModelService Open()
    {
        MoAOptions options = services.GetRequiredService<IOptionsMonitor<MoAOptions>>().Get(NameOf(key));
        long start = Stopwatch.GetTimestamp();
        ModelService opened = ModelService.Open(options.Model, options.Load, options.Service with { Note = LogNote }, _starting);
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        long bytes = opened.State.CacheLimit;
        LogOpened(opened.Name, seconds, opened.Options.Policy.FullName, bytes);
        return _service = opened;
    }

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        _starting = cancellationToken;
        await Task.Run(() => services.GetRequiredKeyedService<ModelService>(key), cancellationToken).ConfigureAwait(false);
        _starting = CancellationToken.None;
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        if (_service is not ModelService service)
            return;
        await service.StopAsync(cancellationToken).ConfigureAwait(false);
        LogStopped(service.Name);
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "{Model} is ready after {Seconds:F1} s: policy {Policy}, at most {Bytes} bytes of KV caches")]
    private partial void LogOpened(string model, double seconds, string policy, long bytes);

    [LoggerMessage(Level = LogLevel.Information, Message = "{Line}")]
    private partial void LogNote(string line);

    [LoggerMessage(Level = LogLevel.Information, Message = "{Model} has stopped")]
    private partial void LogStopped(string model);
}
