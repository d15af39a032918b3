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

    public static bool HasScales
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Load<TSimd, TVector>(
        byte* row, nint element, float* scales, out TVector first, out TVector second)
        where TSimd : ISimd<TVector>
        where TVector : struct
    {
        nint group = element >>> 5;
        // Every group before this one put its scale between the elements.
        sbyte* quants = (sbyte*)row + element + 2 * group + 2;
        TVector scale = TSimd.Broadcast(scales[group]);
        first = TSimd.Multiply(TSimd.LoadInt8(quants), scale);
        second = TSimd.Multiply(TSimd.LoadInt8(quants + TSimd.Width), scale);
    }
}
