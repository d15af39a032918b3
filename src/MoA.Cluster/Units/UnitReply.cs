namespace MoA.Cluster.Units;

/// <summary>How far a unit is.</summary>
[GenerateSerializer, Immutable, Alias("moa.unit-reply")]
internal sealed record UnitReply
{
    /// <summary>How far.</summary>
    [Id(0)]
    public required UnitState State { get; init; }

    /// <summary>Why it failed or was refused, in one line.</summary>
    [Id(1)]
    public string Reason { get; init; } = "";

    /// <summary>Whether what was asked for is to blame for a failure.</summary>
    [Id(2)]
    public bool IsInput { get; init; }

    /// <summary>Bytes of the whole result.</summary>
    [Id(3)]
    public int Bytes { get; init; }

    /// <summary>The result's first piece.</summary>
    [Id(4)]
    public byte[] Piece { get; init; } = [];
}
