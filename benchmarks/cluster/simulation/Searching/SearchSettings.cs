using MoA.Cluster.Simulation.Events;

namespace MoA.Cluster.Simulation.Searching;

/// <summary>One step of a search on many members.</summary>
internal sealed record SearchSettings
{
    /// <summary>Members; those that die come back.</summary>
    public required int Members { get; init; }

    /// <summary>Units of work.</summary>
    public required int Units { get; init; }

    /// <summary>Seconds that a unit takes a member of mean speed.</summary>
    public required Distribution UnitSeconds { get; init; }

    /// <summary>How many times as long as the mean a member takes, drawn once for each.</summary>
    public Distribution Slowness { get; init; } = new Distribution.Constant(1);

    /// <summary>Whether results are taken in the order of the units, as sums need it.</summary>
    public bool InOrder { get; init; } = true;

    /// <summary>Bytes of a result.</summary>
    public double ResultBytes { get; init; }

    /// <summary>Bytes that the coordinator's machine receives in a second.</summary>
    public double BytesPerSecond { get; init; } = double.PositiveInfinity;

    /// <summary>Seconds that the coordinator needs for a unit: to hand it out and to take its result in.</summary>
    public double CoordinatorSeconds { get; init; }

    /// <summary>Mean seconds until a member dies; infinite: never.</summary>
    public double MeanSecondsToDeath { get; init; } = double.PositiveInfinity;

    /// <summary>Seconds until a dead member's units are handed out again.</summary>
    public double DetectionSeconds { get; init; }

    /// <summary>Seconds until a member that died computes again.</summary>
    public double RestartSeconds { get; init; }

    /// <summary>Seed of everything that is drawn.</summary>
    public ulong Seed { get; init; } = 1;
}
