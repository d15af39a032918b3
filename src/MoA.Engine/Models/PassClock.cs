using System.Diagnostics;
using MoA.Engine.Parallelism;

namespace MoA.Engine.Models;

/// <summary>
/// Sums up where the time of a model's steps goes, by operation, from <see cref="Start"/> to <see cref="Stop"/>. Costs a stamp an
/// operation and those of <see cref="WorkerTimes"/>, and allocates nothing once it is made.
/// </summary>
internal sealed class PassClock
{
    private readonly Transformer _transformer;
    private readonly WorkerPool _pool;
    private readonly WorkerTimes _times;
    private readonly OperationTimes[] _operations = new OperationTimes[(int)PassOperation.Other + 1];
    private PassOperation _current;
    private PoolTimes _before;
    private long _since;

    /// <summary>A clock for the passes of a model.</summary>
    /// <exception cref="NotSupportedException">It runs on a device, whose operations the processor cannot time.</exception>
    public PassClock(Transformer transformer)
    {
        _transformer = transformer;
        _pool = transformer.Backend.Workers ?? throw new NotSupportedException("Operations of a device run behind the processor, which cannot time them.");
        _times = new WorkerTimes(_pool.Threads);
    }

    /// <summary>Threads that each operation has.</summary>
    public int Threads => _pool.Threads;

    /// <summary>Times that it was started.</summary>
    public int Steps { get; private set; }

    /// <summary>What an operation has taken so far.</summary>
    public ref readonly OperationTimes this[PassOperation operation] => ref _operations[(int)operation];

    /// <summary>Starts a step, between passes; until an operation begins, its time is that of <see cref="PassOperation.Other"/>.</summary>
    public void Start()
    {
        Steps++;
        _pool.Times = _times;
        _transformer.Clock = this;
        _current = PassOperation.Other;
        _before = _times.Total;
        _since = Stopwatch.GetTimestamp();
    }

    /// <summary>What follows belongs to an operation.</summary>
    public void Begin(PassOperation operation)
    {
        long now = Stopwatch.GetTimestamp();
        ref OperationTimes times = ref _operations[(int)_current];
        times.Wall += now - _since;
        times.Jobs.AddSince(_times.Total, _before);
        _before = _times.Total;
        (_current, _since) = (operation, now);
    }

    /// <summary>Ends the step, between passes; does nothing where none has started.</summary>
    public void Stop()
    {
        if (!ReferenceEquals(_transformer.Clock, this))
            return;
        Begin(PassOperation.Other);
        _pool.Times = null;
        _transformer.Clock = null;
    }
}
