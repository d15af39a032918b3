using MoA.Engine.Numerics;

namespace MoA.Engine.Kernels;

/// <summary>
/// How decode attention reads stored rows: two vectors of consecutive elements at a time, in whatever order costs least.
/// What meets the rows, queries and outputs, is kept in the same order.
/// </summary>
internal unsafe interface IRowPairs
{
    /// <summary>Bytes of 32 elements.</summary>
    static abstract int GroupBytes { get; }

    /// <summary>Whether the vectors hold the elements at even and at odd places; else they hold them in order.</summary>
    static abstract bool Interleaved { get; }

    /// <summary>Loads two vectors' worth of elements as floats.</summary>
    /// <param name="row">The row.</param>
    /// <param name="element">First element, a multiple of twice the vector's width.</param>
    /// <param name="first">Elements at even places, or the first half.</param>
    /// <param name="second">Elements at odd places, or the second half.</param>
    static abstract void Load<TSimd, TVector>(
        byte* row, nint element, out TVector first, out TVector second)
        where TSimd : ISimd<TVector>
        where TVector : struct;
}
