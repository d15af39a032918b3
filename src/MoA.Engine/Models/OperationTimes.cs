using MoA.Engine.Parallelism;

namespace MoA.Engine.Models;

/// <summary>The time that an operation took, in ticks of <see cref="System.Diagnostics.Stopwatch"/>.</summary>
internal struct OperationTimes
{
    /// <summary>From its start to that of the next one.</summary>
    public long Wall;

    /// <summary>What threads did within its jobs.</summary>
    public PoolTimes Jobs;
}
