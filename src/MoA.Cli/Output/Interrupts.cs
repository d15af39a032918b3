using System.Runtime.InteropServices;

namespace MoA.Cli.Output;

/// <summary>
/// What Ctrl-C and termination signals end: the command, or, while a part of it that can be stopped alone is running, Ctrl-C
/// only that.
/// </summary>
internal sealed class Interrupts : IDisposable
{
    private readonly Lock _lock = new();
    private readonly CancellationTokenSource _command;
    private CancellationTokenSource? _part;

    /// <summary>Listens to nothing yet.</summary>
    /// <param name="cancellation">Ends the command.</param>
    public Interrupts(CancellationToken cancellation = default) =>
        _command = CancellationTokenSource.CreateLinkedTokenSource(cancellation);

    /// <summary>Whether and when the command is to end.</summary>
    public CancellationToken Command => _command.Token;

    /// <summary>Listens to signals until disposed.</summary>
    public IDisposable Listen() => new Registrations(
        PosixSignalRegistration.Create(PosixSignal.SIGINT, signal => signal.Cancel = Interrupt()),
        PosixSignalRegistration.Create(PosixSignal.SIGTERM, signal => signal.Cancel = End()));

    /// <summary>Runs a part of the command that Ctrl-C stops without ending the command.</summary>
    public T RunPart<T>(Func<CancellationToken, T> part)
    {
        using CancellationTokenSource source = CancellationTokenSource.CreateLinkedTokenSource(Command);
        lock (_lock)
            _part = source;
        try
        {
            return part(source.Token);
        }
        finally
        {
            lock (_lock)
                _part = null;
        }
    }

    /// <summary>What Ctrl-C does. False if there is nothing left to ask, and the process is to end at once.</summary>
    public bool Interrupt()
    {
        lock (_lock)
        {
            if (_part is { IsCancellationRequested: false })
            {
                _part.Cancel();
                return true;
            }
        }

        return End();
    }

    public void Dispose() => _command.Dispose();

    // The first signal lets the running item end cleanly; a second one ends the process.
    private bool End()
    {
        bool isFirst = !_command.IsCancellationRequested;
        _command.Cancel();
        return isFirst;
    }

    private sealed class Registrations(IDisposable interrupt, IDisposable terminate) : IDisposable
    {
        public void Dispose()
        {
            interrupt.Dispose();
            terminate.Dispose();
        }
    }
}
