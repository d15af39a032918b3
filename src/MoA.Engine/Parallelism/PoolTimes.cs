namespace MoA.Engine.Parallelism;

/// <summary>
/// What the threads of a pool did during jobs, in ticks of <see cref="System.Diagnostics.Stopwatch"/>, summed over threads but for
/// <see cref="Jobs"/> and <see cref="Inside"/>: <c>Busy + Starting + Ending = threads · Inside</c>.
/// </summary>
internal struct PoolTimes
{
    /// <summary>Jobs that ended.</summary>
    public long Jobs;

    /// <summary>From the start of each job to its end.</summary>
    public long Inside;

    /// <summary>From each thread's first item to the end of its last.</summary>
    public long Busy;

    /// <summary>From the start of a job to each thread's first item; all of the job for a thread that came too late for any.</summary>
    public long Starting;

    /// <summary>From the end of each thread's last item to that of the job; all of it for threads that a job had no item for.</summary>
    public long Ending;

    /// <summary>Adds what has happened between two readings.</summary>
    public void AddSince(in PoolTimes now, in PoolTimes before)
    {
        Jobs += now.Jobs - before.Jobs;
        Inside += now.Inside - before.Inside;
        Busy += now.Busy - before.Busy;
        Starting += now.Starting - before.Starting;
        Ending += now.Ending - before.Ending;
    }
}
