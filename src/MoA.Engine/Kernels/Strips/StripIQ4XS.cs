using System.Runtime.CompilerServices;
using MoA.Engine.Numerics;

namespace MoA.Engine.Kernels.Strips;

/// <summary>IQ4_XS: a quad with the factor and the upper bits of eight scales, one with their lower bits, then four of every group as of IQ4_NL.</summary>
internal readonly unsafe struct StripIQ4XS : IStripFormat
{
    public static int CellColumns => 256;

    public static int QuadBytes => 136;

    public static int QuadsAt => 0;

    public static int FactorAt => -1;

    public static int GroupColumns => 32;

    public static int UnitBytes => ShortUnit.Bytes;

    public static int Factors => 8;

    public static void Round(float* x, byte* unit) => ShortUnit.Round(x, unit);

    public static void ReadFactors<TSimd, TVector>(byte* cell, float* factors)
        where TSimd : ISimd<TVector>
        where TVector : struct
    {
        TVector both = TSimd.Load((float*)cell), lower = TSimd.Load((float*)cell + TSimd.Width);
        TVector factor = TSimd.LowerF16(both), shift = TSimd.Broadcast(BlockIQ4XS.ScaleShift);
        for (int group = 0; group < 8; group++, factors += TSimd.Width)
            TSimd.Store(factors, TSimd.Multiply(factor, TSimd.Subtract(TSimd.SixBits(lower, 4 * group, both, 16 + 2 * group), shift)));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void AddGroup<TSimd, TVector>(byte* cell, int group, float* factors, byte* units, int rows, float* sums)
        where TSimd : ISimd<TVector>
        where TVector : struct
    {
        StripIQ4.Add<TSimd, TVector>((float*)cell + (2 + 4 * group) * TSimd.Width, TSimd.Load(factors + group * TSimd.Width), units, rows, sums);
    }
}
