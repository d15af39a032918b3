namespace MoA.Cluster.Simulation.Searching;

/// <summary>What a run showed.</summary>
internal sealed record SearchResult
{
    /// <summary>From the first unit to the last result.</summary>
    public required double Seconds { get; init; }

    /// <summary>Seconds that one member of mean speed would have needed, over what all members together had.</summary>
    public required double Efficiency { get; init; }

    /// <summary>Units that were begun, or had to be sent, once more because their member died.</summary>
    public required int Lost { get; init; }

    /// <summary>Share of the time in which the coordinator's link was receiving, and in which it worked.</summary>
    public required double LinkBusy { get; init; }

    /// <inheritdoc cref="LinkBusy"/>
    public required double CoordinatorBusy { get; init; }

    /// <summary>The most results that the coordinator held because one before them was missing.</summary>
    public required int MostHeld { get; init; }
}
