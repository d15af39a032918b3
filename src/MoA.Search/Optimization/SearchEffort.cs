using System.Diagnostics;

namespace MoA.Search.Optimization;

/// <summary>What a search has spent of its work and time.</summary>
internal sealed class SearchEffort(PlanSolverOptions options, CancellationToken cancellation)
{
    private readonly long _started = Stopwatch.GetTimestamp();

    public double RelativeGap => options.RelativeGap;

    public long Work { get; private set; }

    /// <summary>Share of the allowed work, or of the allowed time if that is more, that is spent.</summary>
    public double SpentShare => Math.Max(
        (double)Work / options.WorkLimit,
        options.TimeLimit is TimeSpan limit && limit > TimeSpan.Zero ? Stopwatch.GetElapsedTime(_started) / limit : 0);

    public void Add(long work)
    {
        cancellation.ThrowIfCancellationRequested();
        Work += work;
    }

    /// <summary>Whether a share of the work, or all of the time, is spent.</summary>
    public bool IsSpent(double share = 1) =>
        Work >= share * options.WorkLimit
        || (options.TimeLimit is TimeSpan limit && Stopwatch.GetElapsedTime(_started) >= share * limit);
}
