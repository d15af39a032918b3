using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using MoA.Engine.Numerics;

namespace MoA.Engine.Kernels.Strips;

/// <summary>
/// MXFP4: four quads as of Q4_0, whose halves stand for twice their value. It is what models are trained in, so that activations are
/// rounded as little as for Q8_0.
/// </summary>
internal readonly unsafe struct StripMXFP4 : IStripFormat
{
    public static int CellColumns => 32;

    public static int QuadBytes => 16;

    public static int QuadsAt => BlockMXFP4.Quants;

    public static int FactorAt => 0;

    public static int FactorBytes => 1;

    public static int GroupColumns => 32;

    public static int UnitBytes => ShortUnit.Bytes;

    public static void Round(float* x, byte* unit) => ShortUnit.Round(x, unit);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void AddGroup<TSimd, TVector>(byte* cell, int group, float* factors, byte* units, int rows, float* sums)
        where TSimd : ISimd<TVector>
        where TVector : struct
    {
        TVector scales = TSimd.Multiply(TSimd.LoadPowersOfTwo(cell), TSimd.Broadcast(0.5f));
        float* quants = (float*)(cell + TSimd.Width);
        TVector b0 = TSimd.Load(quants), b1 = TSimd.Load(quants + TSimd.Width);
        TVector b2 = TSimd.Load(quants + 2 * TSimd.Width), b3 = TSimd.Load(quants + 3 * TSimd.Width);
        Vector128<sbyte> steps = BlockMXFP4.Doubled;
        ShortUnit.Add<TSimd, TVector>(
            TSimd.Lookup(TSimd.LowerNibbles(b0), steps), TSimd.Lookup(TSimd.LowerNibbles(b1), steps),
            TSimd.Lookup(TSimd.LowerNibbles(b2), steps), TSimd.Lookup(TSimd.LowerNibbles(b3), steps),
            TSimd.Lookup(TSimd.UpperNibbles(b0), steps), TSimd.Lookup(TSimd.UpperNibbles(b1), steps),
            TSimd.Lookup(TSimd.UpperNibbles(b2), steps), TSimd.Lookup(TSimd.UpperNibbles(b3), steps),
            scales, units, rows, sums);
    }
}
