using System.Runtime.CompilerServices;
using MoA.Engine.Numerics;

namespace MoA.Engine.Kernels.Strips;

/// <summary>Q5_0: a quad with the fifth bits, then four as of Q4_0.</summary>
internal readonly unsafe struct StripQ50 : IStripFormat
{
    public static int CellColumns => 32;

    public static int QuadBytes => 20;

    public static int QuadsAt => 2;

    public static int FactorAt => 0;

    public static int GroupColumns => 32;

    public static int UnitBytes => ByteUnit.Bytes;

    public static void Round(float* x, byte* unit) => ByteUnit.Round(x, unit);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void AddGroup<TSimd, TVector>(byte* cell, int group, float* factors, byte* units, int rows, float* sums)
        where TSimd : ISimd<TVector>
        where TVector : struct
    {
        TVector scales = TSimd.LoadF16((ushort*)cell);
        Add<TSimd, TVector>((float*)(cell + 2 * TSimd.Width), scales, TSimd.Multiply(scales, TSimd.Broadcast(BlockQ50.Shift)), units, rows, sums);
    }

    /// <summary>Adds the products with quads of fifth bits and lower halves.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Add<TSimd, TVector>(float* quads, TVector scales, TVector offsets, byte* units, int rows, float* sums)
        where TSimd : ISimd<TVector>
        where TVector : struct
    {
        float* quants = quads + TSimd.Width;
        TVector bits = TSimd.Load(quads);
        TVector b0 = TSimd.Load(quants), b1 = TSimd.Load(quants + TSimd.Width);
        TVector b2 = TSimd.Load(quants + 2 * TSimd.Width), b3 = TSimd.Load(quants + 3 * TSimd.Width);
        ByteUnit.Add<TSimd, TVector>(
            Lower<TSimd, TVector>(b0, bits, 0), Lower<TSimd, TVector>(b1, bits, 4), Lower<TSimd, TVector>(b2, bits, 8), Lower<TSimd, TVector>(b3, bits, 12),
            Upper<TSimd, TVector>(b0, bits, 16), Upper<TSimd, TVector>(b1, bits, 20), Upper<TSimd, TVector>(b2, bits, 24), Upper<TSimd, TVector>(b3, bits, 28),
            5, scales, offsets, units, rows, sums);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector Lower<TSimd, TVector>(TVector bytes, TVector bits, int first)
        where TSimd : ISimd<TVector>
        where TVector : struct => TSimd.Or(TSimd.LowerNibbles(bytes), TSimd.SpreadBits(bits, first));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector Upper<TSimd, TVector>(TVector bytes, TVector bits, int first)
        where TSimd : ISimd<TVector>
        where TVector : struct => TSimd.Or(TSimd.UpperNibbles(bytes), TSimd.SpreadBits(bits, first));
}
