namespace MoA.Cluster.Simulation.Serving;

/// <summary>A member: its memory and the bounds of its queue, which are those of <c>ServiceOptions</c>.</summary>
internal sealed record MemberSettings
{
    /// <summary>What its work takes.</summary>
    public required MemberCosts Costs { get; init; }

    /// <summary>The rows that its plan keeps.</summary>
    public required CacheRules Rules { get; init; }

    /// <summary>Bytes of all caches, those of kept prefixes included.</summary>
    public required long CacheBytes { get; init; }

    /// <summary>Most texts that are read or written at one time.</summary>
    public int MaxSequences { get; init; } = 32;

    /// <summary>Most requests that wait.</summary>
    public int QueueLength { get; init; } = 256;

    /// <summary>How long a request may wait.</summary>
    public double LongestWaitSeconds { get; init; } = 600;

    /// <summary>Seconds between two reports; 0: the others always know how it stands.</summary>
    public double ReportSeconds { get; init; } = 1;
}
