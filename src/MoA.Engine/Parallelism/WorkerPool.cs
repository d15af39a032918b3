using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;

namespace MoA.Engine.Parallelism;

/// <summary>
/// A few persistent threads that run the items of one job at a time together with the caller. Starting a job allocates
/// nothing, and the caller waits for items, not for threads: on a busy machine a worker that gets no processor in time
/// holds nobody up. Items are handed out in order, first come first served; how a job is cut into items must not depend
/// on the number of threads, so that results do not either.
/// </summary>
internal sealed unsafe class WorkerPool : IDisposable
{
    // About 0.4 µs a spin: a tenth of a millisecond before yielding, one before sleeping.
    private const int SpinLength = 8;
    private const int SpinsBeforeYield = 250;
    private const int SpinsBeforeSleep = 2500;

    private readonly Thread[] _workers;
    private readonly SemaphoreSlim _wake = new(0);
    private delegate*<void*, int, int, void> _invoke;
    private void* _job;
    private int _count;
    private int _done;
    private int _sleeping;
    private int _running;
    private bool _stopping;
    private bool _disposed;
    private ExceptionDispatchInfo? _failure;

    // Upper half: number of the job; lower half: items not handed out yet. One word, so that a late worker can never
    // take an item of a job that it does not know.
    private long _tickets;

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

    /// <summary>Takes the times of jobs; null for nobody. To be set between jobs.</summary>
    public WorkerTimes? Times { get; set; }

    /// <summary>
    /// Runs items 0 … <paramref name="count"/> − 1 and returns when all are done. One caller at a time; a job must not
    /// start another.
    /// </summary>
    /// <param name="job">A local variable of the caller: workers read it where it stands on the stack.</param>
    /// <param name="count">Number of items.</param>
    /// <exception cref="InvalidOperationException">Another job is running: its items and this one's would share the
    /// workers' scratch memory.</exception>
    public void Run<TJob>(ref TJob job, int count)
        where TJob : struct, IParallelJob
    {
        if (Interlocked.Exchange(ref _running, 1) != 0)
            throw new InvalidOperationException("A job is running already: one caller at a time, and no job within a job.");
        Times?.Begin(count);
        try
        {
            if (count > 1 && _workers.Length > 0)
                RunWithWorkers(ref job, count);
            else
                RunAlone(ref job, count);
        }
        finally
        {
            Times?.End();
            Volatile.Write(ref _running, 0);
        }
    }

    /// <summary>Ends the threads.</summary>
    public void Dispose()
    {
        if (_disposed)
            return;
        _disposed = true;
        Volatile.Write(ref _stopping, true);
        if (_workers.Length > 0)
            _ = _wake.Release(_workers.Length);
        foreach (Thread worker in _workers)
            worker.Join();
        _wake.Dispose();
    }

    private void RunAlone<TJob>(ref TJob job, int count)
        where TJob : struct, IParallelJob
    {
        Times?.First(0);
        for (int i = 0; i < count; i++)
            job.Run(i, 0);
        Times?.Last(0);
    }

    private void RunWithWorkers<TJob>(ref TJob job, int count)
        where TJob : struct, IParallelJob
    {
        _invoke = &Invoke<TJob>;
        _job = Unsafe.AsPointer(ref job);
        _count = count;
        _done = 0;
        long number = (_tickets >> 32) + 1;
        _ = Interlocked.Exchange(ref _tickets, (number << 32) | (uint)count);
        int sleeping = Volatile.Read(ref _sleeping);
        if (sleeping > 0)
            _ = _wake.Release(Math.Min(sleeping, count - 1));
        TakeItems(0);
        WaitForOthers(count);
        if (_failure is { } failure)
        {
            _failure = null;
            failure.Throw();
        }
    }

    // Items are short, so the last ones end soon. Yielding at once would hand this processor to another process for a
    // whole slice of milliseconds; never yielding would keep a worker that lost its processor from getting this one.
    private void WaitForOthers(int count)
    {
        for (int spins = 0; Volatile.Read(ref _done) < count; spins++)
        {
            if (spins < SpinsBeforeYield)
                Thread.SpinWait(SpinLength);
            else
                _ = Thread.Yield();
        }
    }

    private static void Invoke<TJob>(void* job, int index, int worker)
        where TJob : struct, IParallelJob => Unsafe.AsRef<TJob>(job).Run(index, worker);

    private bool HasItems => (int)Volatile.Read(ref _tickets) > 0;

    private void Work(int worker)
    {
        while (!Volatile.Read(ref _stopping))
        {
            TakeItems(worker);
            int spins = 0;
            while (!HasItems && spins++ < SpinsBeforeSleep)
                Thread.SpinWait(SpinLength);
            if (HasItems)
                continue;
            _ = Interlocked.Increment(ref _sleeping);
            // A job that started before this thread counted as sleeping did not wake it: look once more. A surplus of
            // wake-ups is harmless, they only make this loop turn.
            if (!HasItems && !Volatile.Read(ref _stopping))
                _wake.Wait();
            _ = Interlocked.Decrement(ref _sleeping);
        }
    }

    // The items that a thread has done count when it finds no further one: the job cannot end before, so its fields stand still
    // from its first item on.
    private void TakeItems(int worker)
    {
        int taken = 0;
        while (TryTake(out int index))
        {
            if (taken++ == 0)
                Times?.First(worker);
            try
            {
                _invoke(_job, index, worker);
            }
#pragma warning disable CA1031 // rethrown on the calling thread
            catch (Exception failure)
#pragma warning restore CA1031
            {
                _ = Interlocked.CompareExchange(ref _failure, ExceptionDispatchInfo.Capture(failure), null);
            }
        }

        if (taken == 0)
            return;
        Times?.Last(worker);
        _ = Interlocked.Add(ref _done, taken);
    }

    private bool TryTake(out int index)
    {
        while (true)
        {
            long tickets = Volatile.Read(ref _tickets);
            int left = (int)tickets;
            if (left <= 0)
            {
                index = -1;
                return false;
            }

            if (Interlocked.CompareExchange(ref _tickets, tickets - 1, tickets) != tickets)
                continue;
            index = _count - left;
            return true;
        }
    }
}
