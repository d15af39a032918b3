using System.Diagnostics;

namespace MoA.Search.Optimization;

/// <summary>What a search has spent of its work and time.</summary>
internal sealed class SearchEffort(PlanSolverOptions options, CancellationToken cancellation, bool isSmall = false)
{
    private readonly long _workLimit = options.WorkLimit ?? (isSmall ? 6_000_000_000 : 1_700_000_000);
    private readonly long _started = Stopwatch.GetTimestamp();

    public double RelativeGap => options.RelativeGap;

    public long Work { get; private set; }

    /// <summary>Share of the allowed work, or of the allowed time if that is more, that is spent.</summary>
    public double SpentShare => Math.Max(
        (double)Work / _workLimit,
        options.TimeLimit is TimeSpan limit && limit > TimeSpan.Zero ? Stopwatch.GetElapsedTime(_started) / limit : 0);

    public void Add(long work)
    {
        ThrowIfCancelled();
        Work += work;
    }

    public void ThrowIfCancelled() => cancellation.ThrowIfCancellationRequested();

    /// <summary>Whether a share of the work, or all of the time, is spent.</summary>
    public bool IsSpent(double share = 1) =>
        Work >= share * _workLimit
        || (options.TimeLimit is TimeSpan limit && Stopwatch.GetElapsedTime(_started) >= share * limit);
}
