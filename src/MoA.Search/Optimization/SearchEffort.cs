using System.Diagnostics;

namespace MoA.Search.Optimization;

/// <summary>What a search has spent of its work and time.</summary>
internal sealed class SearchEffort(PlanSolverOptions options, CancellationToken cancellation)
{
    private readonly long _started = Stopwatch.GetTimestamp();

    public double RelativeGap => options.RelativeGap;

    public double EnumerationWork => options.EnumerationWork;

    public long Work { get; private set; }

    public void Add(long work)
    {
        cancellation.ThrowIfCancellationRequested();
        Work += work;
    }

    /// <summary>Whether a share of the work, or all of the time, is spent.</summary>
    public bool IsSpent(double share = 1) =>
        Work >= share * options.WorkLimit
        || (options.TimeLimit is TimeSpan limit && Stopwatch.GetElapsedTime(_started) >= limit);
}
