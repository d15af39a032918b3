using MoA.Gpu.Kernels;

namespace MoA.Gpu.Weights;

/// <summary>What takes a row's numbers as they are read.</summary>
internal interface IOctetSink
{
    /// <summary>Takes elements 8·<paramref name="octet"/> to 8·octet + 7 of the row.</summary>
    void Take(Octet numbers, int octet);
}

/// <summary>
/// A stored format on the device: how a lane reads its part of a row. A part is what 16 bytes of quants hold (of F32, 32
/// bytes), with the factors that belong to it. The engine's <c>IBlockFormat</c> of the same name is the definition.
/// </summary>
internal interface IDeviceFormat
{
    /// <summary>Parts of a block.</summary>
    static abstract int PartsPerBlock { get; }

    /// <summary>Numbers of a part.</summary>
    static abstract int NumbersPerPart { get; }

    /// <summary>The shortest run of numbers, from its multiples on, that is whole parts: a part may hold numbers of two groups.</summary>
    static abstract int Span { get; }

    /// <summary>Reads a part of a row and hands its numbers on, eight at a time.</summary>
    /// <param name="weight">The weight.</param>
    /// <param name="row">Row.</param>
    /// <param name="part">Part, below BlocksPerRow·PartsPerBlock.</param>
    /// <param name="sink">Gets the numbers.</param>
    static abstract void Read<TSink>(DeviceWeight weight, int row, int part, ref TSink sink)
        where TSink : struct, IOctetSink;
}
