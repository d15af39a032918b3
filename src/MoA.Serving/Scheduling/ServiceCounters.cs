using System.Diagnostics;

namespace MoA.Serving.Scheduling;

/// <summary>Counts what a service does; written by any thread.</summary>
internal sealed class ServiceCounters
{
    private static readonly TimeSpan Recent = TimeSpan.FromSeconds(5);

    private readonly Lock _gate = new();
    private readonly Queue<(long Time, int Tokens)> _recent = [];
    private long _recentTokens;
    private long _ended, _cancelled, _refused, _promptTokens, _cachedTokens, _newTokens, _hits, _misses;

    public void Refused() => Interlocked.Increment(ref _refused);

    /// <summary>A request was cancelled before it began.</summary>
    public void Cancelled() => Interlocked.Increment(ref _cancelled);

    public void Began(ServedRun run)
    {
        _ = Interlocked.Add(ref _promptTokens, run.Prompt.Length);
        _ = Interlocked.Add(ref _cachedTokens, run.Lease!.Held);
        _ = Interlocked.Increment(ref run.Lease.Held > 0 ? ref _hits : ref _misses);
    }

    public void Wrote(int tokens)
    {
        if (tokens == 0)
            return;
        lock (_gate)
        {
            _newTokens += tokens;
            _recent.Enqueue((Stopwatch.GetTimestamp(), tokens));
            _recentTokens += tokens;
            Forget();
        }
    }

    public void Ended(bool cancelled)
    {
        _ = Interlocked.Increment(ref _ended);
        if (cancelled)
            _ = Interlocked.Increment(ref _cancelled);
    }

    /// <summary>A service's state, of what is counted here.</summary>
    public ServiceState Fill(ServiceState state)
    {
        lock (_gate)
        {
            Forget();
            return state with
            {
                Ended = Interlocked.Read(ref _ended),
                Cancelled = Interlocked.Read(ref _cancelled),
                Refused = Interlocked.Read(ref _refused),
                PromptTokens = Interlocked.Read(ref _promptTokens),
                CachedTokens = Interlocked.Read(ref _cachedTokens),
                PrefixHits = Interlocked.Read(ref _hits),
                PrefixMisses = Interlocked.Read(ref _misses),
                NewTokens = _newTokens,
                NewTokensPerSecond = _recentTokens / Recent.TotalSeconds,
            };
        }
    }

    private void Forget()
    {
        while (_recent.TryPeek(out (long Time, int Tokens) oldest) && Stopwatch.GetElapsedTime(oldest.Time) > Recent)
            _recentTokens -= _recent.Dequeue().Tokens;
    }
}
