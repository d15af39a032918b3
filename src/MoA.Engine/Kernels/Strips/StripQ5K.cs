using System.Runtime.CompilerServices;
using MoA.Engine.Numerics;

namespace MoA.Engine.Kernels.Strips;

/// <summary>Q5_K: as Q4_K, with eight quads of fifth bits before the lower four.</summary>
internal readonly unsafe struct StripQ5K : IStripFormat
{
    public static int CellColumns => 256;

    public static int QuadBytes => BlockQ5K.Bytes;

    public static int QuadsAt => 0;

    public static int FactorAt => -1;

    public static int GroupColumns => 32;

    public static int UnitBytes => ByteUnit.Bytes;

    public static int Factors => 16;

    public static void Round(float* x, byte* unit) => ByteUnit.Round(x, unit);

    public static void ReadFactors<TSimd, TVector>(byte* cell, float* factors)
        where TSimd : ISimd<TVector>
        where TVector : struct => StripKFactors.Read<TSimd, TVector>(cell, factors);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void AddGroup<TSimd, TVector>(byte* cell, int group, float* factors, byte* units, int rows, float* sums)
        where TSimd : ISimd<TVector>
        where TVector : struct
    {
        float* bits = (float*)(cell + 16 * TSimd.Width);
        float* quants = bits + (8 + group / 2 * 8) * TSimd.Width;
        TVector scales = TSimd.Load(factors + group * TSimd.Width), offsets = TSimd.Load(factors + (group + 8) * TSimd.Width);
        ByteUnit.Add<TSimd, TVector>(
            Quant<TSimd, TVector>(quants, bits, group, 0), Quant<TSimd, TVector>(quants, bits, group, 1),
            Quant<TSimd, TVector>(quants, bits, group, 2), Quant<TSimd, TVector>(quants, bits, group, 3),
            Quant<TSimd, TVector>(quants, bits, group, 4), Quant<TSimd, TVector>(quants, bits, group, 5),
            Quant<TSimd, TVector>(quants, bits, group, 6), Quant<TSimd, TVector>(quants, bits, group, 7),
            5, scales, offsets, units, rows, sums);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector Quant<TSimd, TVector>(float* quants, float* bits, int group, int quad)
        where TSimd : ISimd<TVector>
        where TVector : struct
    {
        TVector lower = TSimd.LowerNibbles(TSimd.ShiftRight(TSimd.Load(quants + quad * TSimd.Width), 4 * (group % 2)));
        return TSimd.Or(lower, TSimd.Bits(TSimd.Load(bits + quad * TSimd.Width), group, 1, 4));
    }
}
