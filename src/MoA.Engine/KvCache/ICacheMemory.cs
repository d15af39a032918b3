using MoA.Engine.Attention;
using MoA.Engine.Numerics;

namespace MoA.Engine.KvCache;

/// <summary>Where a device has the rows of sequences.</summary>
internal interface ICacheMemory
{
    /// <summary>Counts the processor's part of it.</summary>
    NativeAllocator Allocator { get; }

    /// <summary>Refuses what the memory can never hold, or does not hold now, before any of it is taken.</summary>
    /// <param name="bytes">Bytes of all rows.</param>
    /// <param name="capacity">Tokens of the sequence, for the message.</param>
    /// <param name="shape">What the rows are.</param>
    /// <exception cref="InvalidInputException">There is too little.</exception>
    void CheckRoom(long bytes, int capacity, in RowsShape shape);

    /// <summary>Bytes that <see cref="Create"/> takes.</summary>
    long BytesOf(in RowsShape shape, ReadOnlySpan<HeadLayout> layouts);

    /// <summary>Takes the memory of a sequence.</summary>
    /// <param name="shape">What the rows are.</param>
    /// <param name="layouts">Where rows stand: layer by layer, one for each KV head.</param>
    SequenceRows Create(in RowsShape shape, ReadOnlySpan<HeadLayout> layouts);
}
