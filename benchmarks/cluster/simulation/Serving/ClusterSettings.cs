namespace MoA.Cluster.Simulation.Serving;

/// <summary>A cluster and what happens to it.</summary>
internal sealed record ClusterSettings
{
    /// <summary>Members at the start; those that die come back.</summary>
    public required int Members { get; init; }

    /// <summary>What each is.</summary>
    public required MemberSettings Member { get; init; }

    /// <summary>Who asks.</summary>
    public required Workload Workload { get; init; }

    /// <summary>Conversations that begin in all.</summary>
    public required long Conversations { get; init; }

    /// <summary>Seed of everything that is drawn.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>Share of the conversations that begin before anything is measured.</summary>
    public double WarmUp { get; init; } = 0.25;

    /// <summary>Mean seconds until a member dies; infinite: never.</summary>
    public double MeanSecondsToDeath { get; init; } = double.PositiveInfinity;

    /// <summary>Seconds between two members that are drained and started again, one after the other; infinite: never.</summary>
    public double SecondsBetweenDrains { get; init; } = double.PositiveInfinity;

    /// <summary>Seconds until the others know that a member is dead.</summary>
    public double DetectionSeconds { get; init; } = 15;

    /// <summary>Seconds until a member that died, or was drained, serves again.</summary>
    public double RestartSeconds { get; init; } = 60;

    /// <summary>Seconds that a request's way to its conversation and back takes beside the model's work.</summary>
    public double CallSeconds { get; init; }
}
