using System.Diagnostics;
using System.Runtime.InteropServices;

namespace MoA.Engine.Parallelism;

/// <summary>
/// Takes the times of a pool's jobs: two stamps a job, and two of each thread that has items of it, without locks. Each thread
/// writes a cache line of its own before its items count as done; the caller reads them when all are.
/// </summary>
/// <param name="threads">Threads of the pool, the caller included.</param>
internal sealed class WorkerTimes(int threads)
{
    private readonly Stamps[] _stamps = new Stamps[threads];
    private PoolTimes _total;
    private long _start;
    private int _items;

    /// <summary>All jobs so far; read between jobs.</summary>
    public ref readonly PoolTimes Total => ref _total;

    /// <summary>Starts a job; on the caller's thread.</summary>
    public void Begin(int items)
    {
        _items = items;
        _start = Stopwatch.GetTimestamp();
    }

    /// <summary>A thread has taken its first item of the job.</summary>
    public void First(int worker)
    {
        long now = Stopwatch.GetTimestamp();
        _stamps[worker] = new Stamps { Job = _total.Jobs + 1, First = now, Last = now };
    }

    /// <summary>A thread has done its last.</summary>
    public void Last(int worker) => _stamps[worker].Last = Stopwatch.GetTimestamp();

    /// <summary>Ends the job; on the caller's thread.</summary>
    public void End()
    {
        long end = Stopwatch.GetTimestamp(), inside = end - _start;
        int without = _stamps.Length;
        foreach (ref readonly Stamps stamps in _stamps.AsSpan())
        {
            if (stamps.Job != _total.Jobs + 1)
                continue;
            without--;
            _total.Starting += stamps.First - _start;
            _total.Busy += stamps.Last - stamps.First;
            _total.Ending += end - stamps.Last;
        }

        int superfluous = Math.Clamp(_stamps.Length - _items, 0, without);
        _total.Ending += superfluous * inside;
        _total.Starting += (without - superfluous) * inside;
        _total.Inside += inside;
        _total.Jobs++;
    }

    [StructLayout(LayoutKind.Sequential, Size = 128)]
    private struct Stamps
    {
        public long Job;
        public long First;
        public long Last;
    }
}
