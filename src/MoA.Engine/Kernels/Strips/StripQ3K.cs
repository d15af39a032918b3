using System.Runtime.CompilerServices;
using MoA.Engine.Numerics;

namespace MoA.Engine.Kernels.Strips;

/// <summary>Q3_K: eight quads of third bits, sixteen of lower pairs of bits, three of scales.</summary>
internal readonly unsafe struct StripQ3K : IStripFormat
{
    public static int CellColumns => 256;

    public static int QuadBytes => BlockQ3K.Factor;

    public static int QuadsAt => 0;

    public static int FactorAt => BlockQ3K.Factor;

    public static int GroupColumns => 2 * BlockQ3K.GroupSize;

    public static int UnitBytes => ByteUnit.BytesOfHalves;

    public static int Factors => 16;

    public static void Round(float* x, byte* unit) => ByteUnit.RoundHalves(x, unit);

    public static void ReadFactors<TSimd, TVector>(byte* cell, float* factors)
        where TSimd : ISimd<TVector>
        where TVector : struct
    {
        float* quads = (float*)(cell + 2 * TSimd.Width) + 24 * TSimd.Width;
        TVector factor = TSimd.LoadF16((ushort*)cell), shift = TSimd.Broadcast(BlockQ3K.ScaleShift), upper = TSimd.Load(quads + 2 * TSimd.Width);
        for (int group = 0; group < 16; group++, factors += TSimd.Width)
        {
            TVector lower = TSimd.Load(quads + group / 4 % 2 * TSimd.Width);
            TVector steps = TSimd.SixBits(lower, 8 * (group % 4) + group / 8 * 4, upper, 8 * (group % 4) + group / 4 * 2);
            TSimd.Store(factors, TSimd.Multiply(factor, TSimd.Subtract(steps, shift)));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void AddGroup<TSimd, TVector>(byte* cell, int group, float* factors, byte* units, int rows, float* sums)
        where TSimd : ISimd<TVector>
        where TVector : struct
    {
        // A half of the block has 32 bytes, of which each group has two bits, and a bit of the 32 bytes before them.
        int half = group / 4;
        float* bits = (float*)(cell + 2 * TSimd.Width), quants = bits + (8 + 8 * half) * TSimd.Width;
        factors += 2 * group * TSimd.Width;
        switch (group % 4)
        {
            case 0:
                AddRun<TSimd, TVector>(quants, bits, 4 * half, 0, factors, units, rows, sums);
                break;
            case 1:
                AddRun<TSimd, TVector>(quants, bits, 4 * half, 1, factors, units, rows, sums);
                break;
            case 2:
                AddRun<TSimd, TVector>(quants, bits, 4 * half, 2, factors, units, rows, sums);
                break;
            default:
                AddRun<TSimd, TVector>(quants, bits, 4 * half, 3, factors, units, rows, sums);
                break;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddRun<TSimd, TVector>(float* quants, float* bits, int half, int run, float* factors, byte* units, int rows, float* sums)
        where TSimd : ISimd<TVector>
        where TVector : struct
    {
        TVector scales = TSimd.Load(factors), otherScales = TSimd.Load(factors + TSimd.Width), shift = TSimd.Broadcast(BlockQ3K.Shift);
        ByteUnit.AddHalves<TSimd, TVector>(
            Quant<TSimd, TVector>(quants, bits, half, run, 0), Quant<TSimd, TVector>(quants, bits, half, run, 1),
            Quant<TSimd, TVector>(quants, bits, half, run, 2), Quant<TSimd, TVector>(quants, bits, half, run, 3),
            Quant<TSimd, TVector>(quants, bits, half, run, 4), Quant<TSimd, TVector>(quants, bits, half, run, 5),
            Quant<TSimd, TVector>(quants, bits, half, run, 6), Quant<TSimd, TVector>(quants, bits, half, run, 7),
            4, scales, TSimd.Multiply(scales, shift), otherScales, TSimd.Multiply(otherScales, shift), units, rows, sums);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector Quant<TSimd, TVector>(float* quants, float* bits, int half, int run, int quad)
        where TSimd : ISimd<TVector>
        where TVector : struct => TSimd.Or(
            TSimd.Bits(TSimd.Load(quants + quad * TSimd.Width), 2 * run, 3, 0),
            TSimd.Bits(TSimd.ShiftRight(TSimd.Load(bits + quad * TSimd.Width), half), run, 1, 2));
}
