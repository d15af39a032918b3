namespace MoA.Cluster.Units;

/// <summary>The model of a unit: where a member may find it, and what tells it from others.</summary>
[GenerateSerializer, Immutable, Alias("moa.unit-model")]
internal sealed record UnitModel
{
    /// <summary>A path or a name of the hub; empty for the model that comes with the program.</summary>
    [Id(0)]
    public required string Name { get; init; }

    /// <summary>Format to convert the matrices to on loading; null for as stored.</summary>
    [Id(1)]
    public string? Weights { get; init; }

    /// <summary>The chat template in place of the model's own, as it is written; null for its own.</summary>
    [Id(2)]
    public string? ChatTemplate { get; init; }

    /// <summary>Hash of all that its results depend on.</summary>
    [Id(3)]
    public required string Fingerprint { get; init; }

    /// <summary>What it is to be computed with; null for whatever the member has.</summary>
    [Id(4)]
    public string? Arithmetic { get; init; }

    /// <summary>Version of the program that asks.</summary>
    [Id(5)]
    public required string Version { get; init; }
}
