namespace MoA.Cluster.Members;

/// <summary>Units of searches at a member.</summary>
[GenerateSerializer, Immutable, Alias("moa.unit-counts")]
internal sealed record UnitCounts
{
    /// <summary>Whether the member computes units.</summary>
    [Id(4)]
    public bool AreTaken { get; init; }

    /// <summary>Under way.</summary>
    [Id(0)]
    public int Running { get; init; }

    /// <summary>Waiting for the one that is under way.</summary>
    [Id(1)]
    public int Waiting { get; init; }

    /// <summary>Done since it joined.</summary>
    [Id(2)]
    public long Done { get; init; }

    /// <summary>Failed since it joined.</summary>
    [Id(3)]
    public long Failed { get; init; }
}
