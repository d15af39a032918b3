using System.Runtime.CompilerServices;
using MoA.Engine.Numerics;

namespace MoA.Engine.Kernels.Strips;

/// <summary>Q5_1: a quad with scale and minimum, then those of Q5_0.</summary>
internal readonly unsafe struct StripQ51 : IStripFormat
{
    public static int CellColumns => 32;

    public static int QuadBytes => 24;

    public static int QuadsAt => 0;

    public static int FactorAt => -1;

    public static int GroupColumns => 32;

    public static int UnitBytes => ByteUnit.Bytes;

    public static void Round(float* x, byte* unit) => ByteUnit.Round(x, unit);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void AddGroup<TSimd, TVector>(byte* cell, int group, float* factors, byte* units, int rows, float* sums)
        where TSimd : ISimd<TVector>
        where TVector : struct
    {
        TVector both = TSimd.Load((float*)cell);
        StripQ50.Add<TSimd, TVector>(
            (float*)cell + TSimd.Width, TSimd.LowerF16(both), TSimd.Subtract(TSimd.Zero, TSimd.UpperF16(both)), units, rows, sums);
    }
}
