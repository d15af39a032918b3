using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;

namespace MoA.Engine.Parallelism;

/// <summary>
/// A few persistent threads that run the items of one job at a time together with the caller. Starting a job allocates
/// nothing. Items are handed out in order, first come first served; how a job is cut into items must not depend on the
/// number of threads, so that results do not either.
/// </summary>
public sealed unsafe class WorkerPool : IDisposable
{
    private const int SpinsBeforeSleep = 2000;

    private readonly Thread[] _workers;
    private readonly SemaphoreSlim _wake = new(0);
    private delegate*<void*, int, int, void> _invoke;
    private void* _job;
    private int _count;
    private int _next;
    private int _generation;
    private int _running;
    private int _sleeping;
    private bool _stopping;
    private ExceptionDispatchInfo? _failure;

    /// <summary>Starts <paramref name="threads"/> − 1 threads; the caller of a job is the last.</summary>
    /// <param name="threads">At least 1.</param>
    public WorkerPool(int threads)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        Threads = threads;
        _workers = new Thread[threads - 1];
        for (int i = 0; i < _workers.Length; i++)
        {
            int worker = i + 1;
            _workers[i] = new Thread(() => Work(worker)) { IsBackground = true, Name = $"moa-worker-{worker}" };
            _workers[i].Start();
        }
    }

    /// <summary>Threads that work on a job, the caller included.</summary>
    public int Threads { get; }

    /// <summary>
    /// Runs items 0 … <paramref name="count"/> − 1 and returns when all are done. One caller at a time; a job must not
    /// start another.
    /// </summary>
    /// <param name="job">A local variable of the caller: workers read it where it stands on the stack.</param>
    /// <param name="count">Number of items.</param>
    public void Run<TJob>(ref TJob job, int count)
        where TJob : struct, IParallelJob
    {
        if (count <= 1 || _workers.Length == 0)
        {
            for (int i = 0; i < count; i++)
                job.Run(i, 0);
            return;
        }

        _invoke = &Invoke<TJob>;
        _job = Unsafe.AsPointer(ref job);
        _count = count;
        _next = 0;
        Volatile.Write(ref _running, _workers.Length);
        _ = Interlocked.Increment(ref _generation);
        int sleeping = Volatile.Read(ref _sleeping);
        if (sleeping > 0)
            _ = _wake.Release(sleeping);
        TakeItems(0);
        SpinWait spinner = default;
        while (Volatile.Read(ref _running) > 0)
            spinner.SpinOnce(sleep1Threshold: -1);
        if (_failure is { } failure)
        {
            _failure = null;
            failure.Throw();
        }
    }

    /// <summary>Ends the threads.</summary>
    public void Dispose()
    {
        Volatile.Write(ref _stopping, true);
        _ = Interlocked.Increment(ref _generation);
        if (_workers.Length > 0)
            _ = _wake.Release(_workers.Length);
        foreach (Thread worker in _workers)
            worker.Join();
        _wake.Dispose();
    }

    private static void Invoke<TJob>(void* job, int index, int worker)
        where TJob : struct, IParallelJob => Unsafe.AsRef<TJob>(job).Run(index, worker);

    private void Work(int worker)
    {
        int seen = 0;
        while (true)
        {
            WaitForJob(seen);
            seen++;
            if (Volatile.Read(ref _stopping))
                return;
            TakeItems(worker);
            _ = Interlocked.Decrement(ref _running);
        }
    }

    // Every worker takes part in every generation (even if no item is left for it), so `seen` counts them all.
    private void WaitForJob(int seen)
    {
        for (int spin = 0; spin < SpinsBeforeSleep; spin++)
        {
            if (Volatile.Read(ref _generation) != seen)
                return;
            Thread.SpinWait(20);
        }

        while (Volatile.Read(ref _generation) == seen)
        {
            _ = Interlocked.Increment(ref _sleeping);
            // A job that started before we counted as sleeping did not wake us: look once more before waiting. A
            // surplus of wake-ups is harmless, they only make this loop turn.
            if (Volatile.Read(ref _generation) == seen)
                _wake.Wait();
            _ = Interlocked.Decrement(ref _sleeping);
        }
    }

    private void TakeItems(int worker)
    {
        try
        {
            int index;
            while ((index = Interlocked.Increment(ref _next) - 1) < _count)
                _invoke(_job, index, worker);
        }
#pragma warning disable CA1031 // rethrown on the calling thread
        catch (Exception failure)
#pragma warning restore CA1031
        {
            _ = Interlocked.CompareExchange(ref _failure, ExceptionDispatchInfo.Capture(failure), null);
            Volatile.Write(ref _next, int.MaxValue / 2);
        }
    }
}
