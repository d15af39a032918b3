using Microsoft.Extensions.Logging;

namespace MoA.Cluster.Hosting;

/// <summary>Hands what the libraries log to the program's messages, a line each.</summary>
internal sealed class LineLogger(Action<string> write) : ILoggerProvider, ILogger
{
    /// <inheritdoc/>
    public ILogger CreateLogger(string categoryName) => this;

    /// <inheritdoc/>
    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    /// <inheritdoc/>
    public bool IsEnabled(LogLevel logLevel) => logLevel != LogLevel.None;

    /// <inheritdoc/>
    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        string reason = exception is null ? "" : $" ({exception.GetType().Name}: {exception.Message})";
        write((formatter(state, exception) + reason).ReplaceLineEndings(" "));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
    }
}
