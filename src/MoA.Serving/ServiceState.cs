namespace MoA.Serving;

/// <summary>What a service does now, and has done since it began.</summary>
public sealed record ServiceState
{
    /// <summary>Requests whose prompt is read or whose text is written.</summary>
    public required int Running { get; init; }

    /// <summary>Requests that wait.</summary>
    public required int Waiting { get; init; }

    /// <summary>Whether requests wait until others end, for room or for their turn.</summary>
    public bool IsFull { get; init; }

    /// <summary>Whether it takes requests.</summary>
    public required bool IsStopping { get; init; }

    /// <summary>Bytes of all KV caches, those of kept prefixes included.</summary>
    public required long CacheBytes { get; init; }

    /// <summary>The most that they may be.</summary>
    public required long CacheLimit { get; init; }

    /// <summary>The most that they were.</summary>
    public required long PeakCacheBytes { get; init; }

    /// <summary>Kept prefixes.</summary>
    public int Prefixes { get; init; }

    /// <summary>Bytes of their caches.</summary>
    public long PrefixBytes { get; init; }

    /// <summary>Requests that have ended, whatever their end.</summary>
    public long Ended { get; init; }

    /// <summary>Requests that were cancelled.</summary>
    public long Cancelled { get; init; }

    /// <summary>Requests that were refused.</summary>
    public long Refused { get; init; }

    /// <summary>Prompt tokens of all requests that have begun.</summary>
    public long PromptTokens { get; init; }

    /// <summary>Those of them that were in kept caches.</summary>
    public long CachedTokens { get; init; }

    /// <summary>Requests that began on kept caches.</summary>
    public long PrefixHits { get; init; }

    /// <summary>Requests that began on empty caches.</summary>
    public long PrefixMisses { get; init; }

    /// <summary>Tokens written.</summary>
    public long NewTokens { get; init; }

    /// <summary>Tokens written in the last seconds, a second.</summary>
    public double NewTokensPerSecond { get; init; }
}
