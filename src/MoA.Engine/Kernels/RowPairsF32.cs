using System.Runtime.CompilerServices;
using MoA.Engine.Numerics;

namespace MoA.Engine.Kernels;

/// <summary>Rows in binary32.</summary>
internal readonly unsafe struct RowPairsF32 : IRowPairs
{
    public static int GroupBytes
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 4 * 32;
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
        first = TSimd.Load((float*)row + element);
        second = TSimd.Load((float*)row + element + TSimd.Width);
    }
}
