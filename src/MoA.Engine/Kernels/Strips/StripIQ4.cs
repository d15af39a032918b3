using System.Runtime.CompilerServices;
using MoA.Engine.Numerics;

namespace MoA.Engine.Kernels.Strips;

/// <summary>IQ4_NL: four quads as of Q4_0, whose halves choose among steps of signed bytes.</summary>
internal readonly unsafe struct StripIQ4 : IStripFormat
{
    public static int CellColumns => 32;

    public static int QuadBytes => 16;

    public static int QuadsAt => 2;

    public static int FactorAt => 0;

    public static int GroupColumns => 32;

    public static int UnitBytes => ShortUnit.Bytes;

    public static void Round(float* x, byte* unit) => ShortUnit.Round(x, unit);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void AddGroup<TSimd, TVector>(byte* cell, int group, float* factors, byte* units, int rows, float* sums)
        where TSimd : ISimd<TVector>
        where TVector : struct
    {
        Add<TSimd, TVector>((float*)(cell + 2 * TSimd.Width), TSimd.LoadF16((ushort*)cell), units, rows, sums);
    }

    /// <summary>Adds the products with four quads.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Add<TSimd, TVector>(float* quants, TVector scales, byte* units, int rows, float* sums)
        where TSimd : ISimd<TVector>
        where TVector : struct
    {
        TVector b0 = TSimd.Load(quants), b1 = TSimd.Load(quants + TSimd.Width);
        TVector b2 = TSimd.Load(quants + 2 * TSimd.Width), b3 = TSimd.Load(quants + 3 * TSimd.Width);
        ShortUnit.Add<TSimd, TVector>(
            TSimd.Lookup(TSimd.LowerNibbles(b0), BlockIQ4.Steps), TSimd.Lookup(TSimd.LowerNibbles(b1), BlockIQ4.Steps),
            TSimd.Lookup(TSimd.LowerNibbles(b2), BlockIQ4.Steps), TSimd.Lookup(TSimd.LowerNibbles(b3), BlockIQ4.Steps),
            TSimd.Lookup(TSimd.UpperNibbles(b0), BlockIQ4.Steps), TSimd.Lookup(TSimd.UpperNibbles(b1), BlockIQ4.Steps),
            TSimd.Lookup(TSimd.UpperNibbles(b2), BlockIQ4.Steps), TSimd.Lookup(TSimd.UpperNibbles(b3), BlockIQ4.Steps),
            scales, units, rows, sums);
    }
}
