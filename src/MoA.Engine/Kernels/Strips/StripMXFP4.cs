using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using MoA.Engine.Numerics;

namespace MoA.Engine.Kernels.Strips;

/// <summary>MXFP4: four quads as of Q4_0, whose halves stand for twice their value, shifted to be positive: five bits.</summary>
internal readonly unsafe struct StripMXFP4 : IStripFormat
{
    public static int CellColumns => 32;

    public static int QuadBytes => 16;

    public static int QuadsAt => BlockMXFP4.Quants;

    public static int FactorAt => 0;

    public static int FactorBytes => 1;

    public static int GroupColumns => 32;

    public static int UnitBytes => ByteUnit.Bytes;

    public static void Round(float* x, byte* unit) => ByteUnit.Round(x, unit);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void AddGroup<TSimd, TVector>(byte* cell, int group, float* factors, byte* units, int rows, float* sums)
        where TSimd : ISimd<TVector>
        where TVector : struct
    {
        TVector scales = TSimd.Multiply(TSimd.LoadPowersOfTwo(cell), TSimd.Broadcast(0.5f));
        TVector offsets = TSimd.Multiply(scales, TSimd.Broadcast(BlockMXFP4.Shift));
        float* quants = (float*)(cell + TSimd.Width);
        TVector b0 = TSimd.Load(quants), b1 = TSimd.Load(quants + TSimd.Width);
        TVector b2 = TSimd.Load(quants + 2 * TSimd.Width), b3 = TSimd.Load(quants + 3 * TSimd.Width);
        ByteUnit.Add<TSimd, TVector>(
            Quant<TSimd, TVector>(TSimd.LowerNibbles(b0)), Quant<TSimd, TVector>(TSimd.LowerNibbles(b1)),
            Quant<TSimd, TVector>(TSimd.LowerNibbles(b2)), Quant<TSimd, TVector>(TSimd.LowerNibbles(b3)),
            Quant<TSimd, TVector>(TSimd.UpperNibbles(b0)), Quant<TSimd, TVector>(TSimd.UpperNibbles(b1)),
            Quant<TSimd, TVector>(TSimd.UpperNibbles(b2)), Quant<TSimd, TVector>(TSimd.UpperNibbles(b3)),
            5, scales, offsets, units, rows, sums);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector Quant<TSimd, TVector>(TVector nibbles)
        where TSimd : ISimd<TVector>
        where TVector : struct => TSimd.Lookup(nibbles, BlockMXFP4.Doubled + Vector128.Create((sbyte)BlockMXFP4.Shift));
}
