using System.Runtime.CompilerServices;
using MoA.Engine.Numerics;

namespace MoA.Engine.Kernels;

/// <summary>Rows in Q8_0.</summary>
internal readonly unsafe struct RowPairsQ8 : IRowPairs
{
    public static int GroupBytes
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => BlockQ8.Bytes;
    }

    public static bool Interleaved
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => false;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Load<TSimd, TVector>(
        byte* row, nint element, out TVector first, out TVector second)
        where TSimd : ISimd<TVector>
        where TVector : struct
    {
        // Every group of 32 before this one put its scale between the elements.
        byte* quants = row + element + 2 * (element >>> 5) + 2;
        TVector scale = TSimd.BroadcastPositiveF16(quants - (element & 31) - 2);
        first = TSimd.Multiply(TSimd.LoadInt8((sbyte*)quants), scale);
        second = TSimd.Multiply(TSimd.LoadInt8((sbyte*)quants + TSimd.Width), scale);
    }
}
