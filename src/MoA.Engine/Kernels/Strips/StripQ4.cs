using System.Runtime.CompilerServices;
using MoA.Engine.Numerics;

namespace MoA.Engine.Kernels.Strips;

/// <summary>Q4_0: four quads, whose lower and upper halves are 16 columns apart.</summary>
internal readonly unsafe struct StripQ4 : IStripFormat
{
    public static int CellColumns => 32;

    public static int QuadBytes => 16;

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
        TVector offsets = TSimd.Multiply(scales, TSimd.Broadcast(BlockQ4.Shift));
        float* quants = (float*)(cell + 2 * TSimd.Width);
        TVector b0 = TSimd.Load(quants), b1 = TSimd.Load(quants + TSimd.Width);
        TVector b2 = TSimd.Load(quants + 2 * TSimd.Width), b3 = TSimd.Load(quants + 3 * TSimd.Width);
        ByteUnit.Add<TSimd, TVector>(
            TSimd.LowerNibbles(b0), TSimd.LowerNibbles(b1), TSimd.LowerNibbles(b2), TSimd.LowerNibbles(b3),
            TSimd.UpperNibbles(b0), TSimd.UpperNibbles(b1), TSimd.UpperNibbles(b2), TSimd.UpperNibbles(b3),
            4, scales, offsets, units, rows, sums);
    }
}
