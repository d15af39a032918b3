using System.Runtime.CompilerServices;
using MoA.Engine.Numerics;

namespace MoA.Engine.Kernels.Strips;

/// <summary>Q2_K: four quads of scales and minima, sixteen of quants, one with the factors.</summary>
internal readonly unsafe struct StripQ2K : IStripFormat
{
    public static int CellColumns => 256;

    public static int QuadBytes => 84;

    public static int QuadsAt => 0;

    public static int FactorAt => -1;

    public static int GroupColumns => BlockQ2K.GroupSize;

    public static int UnitBytes => ByteUnit.Bytes(BlockQ2K.GroupSize);

    public static int Factors => 32;

    public static void Round(float* x, byte* unit) => ByteUnit.Round(x, BlockQ2K.GroupSize, unit);

    public static void ReadFactors<TSimd, TVector>(byte* cell, float* factors)
        where TSimd : ISimd<TVector>
        where TVector : struct
    {
        float* quads = (float*)cell;
        TVector both = TSimd.Load(quads + 20 * TSimd.Width), scale = TSimd.LowerF16(both), minimum = TSimd.UpperF16(both);
        for (int group = 0; group < 16; group++, factors += TSimd.Width)
        {
            TVector steps = TSimd.Load(quads + group / 4 * TSimd.Width);
            TSimd.Store(factors, TSimd.Multiply(scale, TSimd.FourBits(steps, 8 * (group % 4))));
            TSimd.Store(factors + 16 * TSimd.Width, TSimd.Multiply(minimum, TSimd.FourBits(steps, 8 * (group % 4) + 4)));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void AddGroup<TSimd, TVector>(byte* cell, int group, float* factors, byte* units, int rows, float* sums)
        where TSimd : ISimd<TVector>
        where TVector : struct
    {
        // A half of the block has 32 bytes, of which each run of 32 columns has two bits; shifts are constants in each case.
        int half = group / 8;
        float* quants = (float*)cell + (4 + 8 * half + 4 * (group % 2)) * TSimd.Width;
        TVector scales = TSimd.Load(factors + group * TSimd.Width), offsets = TSimd.Load(factors + (group + 16) * TSimd.Width);
        switch (group / 2 % 4)
        {
            case 0:
                AddRun<TSimd, TVector>(quants, 0, scales, offsets, units, rows, sums);
                break;
            case 1:
                AddRun<TSimd, TVector>(quants, 1, scales, offsets, units, rows, sums);
                break;
            case 2:
                AddRun<TSimd, TVector>(quants, 2, scales, offsets, units, rows, sums);
                break;
            default:
                AddRun<TSimd, TVector>(quants, 3, scales, offsets, units, rows, sums);
                break;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddRun<TSimd, TVector>(float* quants, int run, TVector scales, TVector offsets, byte* units, int rows, float* sums)
        where TSimd : ISimd<TVector>
        where TVector : struct =>
        ByteUnit.Add<TSimd, TVector>(
            TSimd.Bits(TSimd.Load(quants), 2 * run, 3, 0), TSimd.Bits(TSimd.Load(quants + TSimd.Width), 2 * run, 3, 0),
            TSimd.Bits(TSimd.Load(quants + 2 * TSimd.Width), 2 * run, 3, 0), TSimd.Bits(TSimd.Load(quants + 3 * TSimd.Width), 2 * run, 3, 0),
            4, scales, offsets, units, rows, sums);
}
