using System.Runtime.CompilerServices;
using MoA.Engine.Numerics;

namespace MoA.Engine.Kernels.Strips;

/// <summary>Q4_K: eight groups of 32, quants of two of them in a byte.</summary>
internal readonly unsafe struct StripQ4K : IStripFormat
{
    public static int CellColumns => 256;

    public static int QuadBytes => BlockQ4K.Bytes;

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
        float* quants = (float*)(cell + 16 * TSimd.Width) + group / 2 * 8 * TSimd.Width;
        TVector scales = TSimd.Load(factors + group * TSimd.Width), offsets = TSimd.Load(factors + (group + 8) * TSimd.Width);
        TVector b0 = TSimd.Load(quants), b1 = TSimd.Load(quants + TSimd.Width);
        TVector b2 = TSimd.Load(quants + 2 * TSimd.Width), b3 = TSimd.Load(quants + 3 * TSimd.Width);
        TVector b4 = TSimd.Load(quants + 4 * TSimd.Width), b5 = TSimd.Load(quants + 5 * TSimd.Width);
        TVector b6 = TSimd.Load(quants + 6 * TSimd.Width), b7 = TSimd.Load(quants + 7 * TSimd.Width);
        if (group % 2 == 0)
        {
            ByteUnit.Add<TSimd, TVector>(
                TSimd.LowerNibbles(b0), TSimd.LowerNibbles(b1), TSimd.LowerNibbles(b2), TSimd.LowerNibbles(b3),
                TSimd.LowerNibbles(b4), TSimd.LowerNibbles(b5), TSimd.LowerNibbles(b6), TSimd.LowerNibbles(b7),
                4, scales, offsets, units, rows, sums);
        }
        else
        {
            ByteUnit.Add<TSimd, TVector>(
                TSimd.UpperNibbles(b0), TSimd.UpperNibbles(b1), TSimd.UpperNibbles(b2), TSimd.UpperNibbles(b3),
                TSimd.UpperNibbles(b4), TSimd.UpperNibbles(b5), TSimd.UpperNibbles(b6), TSimd.UpperNibbles(b7),
                4, scales, offsets, units, rows, sums);
        }
    }
}
