using System.Runtime.CompilerServices;
using MoA.Engine.Numerics;

namespace MoA.Engine.Kernels;

/// <summary>
/// How decode attention reads rows of plain numbers: two vectors at a time, in whatever order costs least. What meets the
/// rows, queries and outputs, is kept in the same order.
/// </summary>
internal unsafe interface IRowPairs
{
    /// <summary>Bytes of one number.</summary>
    static abstract int Size { get; }

    /// <summary>Whether the vectors hold the elements at even and at odd places; else they hold them in order.</summary>
    static abstract bool Interleaved { get; }

    /// <summary>Loads two vectors' worth of consecutive elements, widened.</summary>
    static abstract void Load<TSimd, TVector>(byte* source, out TVector first, out TVector second)
        where TSimd : ISimd<TVector>
        where TVector : struct;
}

/// <summary>Rows in binary32.</summary>
internal readonly unsafe struct RowPairsF32 : IRowPairs
{
    public static int Size
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 4;
    }

    public static bool Interleaved
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => false;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Load<TSimd, TVector>(byte* source, out TVector first, out TVector second)
        where TSimd : ISimd<TVector>
        where TVector : struct
    {
        first = TSimd.Load((float*)source);
        second = TSimd.Load((float*)source + TSimd.Width);
    }
}

/// <summary>Rows in bfloat16.</summary>
internal readonly unsafe struct RowPairsBF16 : IRowPairs
{
    public static int Size
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 2;
    }

    public static bool Interleaved
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Load<TSimd, TVector>(byte* source, out TVector first, out TVector second)
        where TSimd : ISimd<TVector>
        where TVector : struct => TSimd.LoadBF16Pairs((ushort*)source, out first, out second);
}
