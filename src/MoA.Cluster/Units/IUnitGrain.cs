namespace MoA.Cluster.Units;

/// <summary>Computes units at a member. Its key is the member's address, and it lives there and nowhere else.</summary>
[Alias("moa.units")]
internal interface IUnitGrain : IGrainWithStringKey
{
    /// <summary>Most bytes of a result in one answer.</summary>
    const int PieceBytes = 4 << 20;

    /// <summary>
    /// The result of a unit, or word within a few seconds that it is not there yet. A unit that is new to the member is computed; one that nobody asks for any more
    /// is dropped.
    /// </summary>
    [Alias("ask")]
    Task<UnitReply> Ask(UnitCall call);

    /// <summary>A further piece of a result that is there; null where it is not any more.</summary>
    [Alias("read")]
    Task<byte[]?> Read(string key, int offset);

    /// <summary>Drops units, computed or not.</summary>
    [Alias("drop")]
    Task Drop(IReadOnlyList<string> keys);
}
