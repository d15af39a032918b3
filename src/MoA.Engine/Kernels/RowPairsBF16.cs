using System.Runtime.CompilerServices;
using MoA.Engine.Numerics;

namespace MoA.Engine.Kernels;

/// <summary>Rows in bfloat16.</summary>
internal readonly unsafe struct RowPairsBF16 : IRowPairs
{
    public static int GroupBytes
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 2 * 32;
    }

    public static bool Interleaved
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Load<TSimd, TVector>(
        byte* row, nint element, out TVector first, out TVector second)
        where TSimd : ISimd<TVector>
        where TVector : struct =>
        TSimd.LoadBF16Pairs((ushort*)row + element, out first, out second);
}
