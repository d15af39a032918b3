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

    public static int GroupColumns => 2 * BlockQ2K.GroupSize;

    public static int UnitBytes => ByteUnit.BytesOfHalves;

    public static int Factors => 32;

    public static void Round(float* x, byte* unit) => ByteUnit.RoundHalves(x, unit);

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
        // A half of the block has 32 bytes, of which each group has two bits; shifts are constants in each case.
        float* quants = (float*)cell + (4 + 8 * (group / 4)) * TSimd.Width;
        factors += 2 * group * TSimd.Width;
        switch (group % 4)
        {
            case 0:
                AddRun<TSimd, TVector>(quants, 0, factors, units, rows, sums);
                break;
            case 1:
                AddRun<TSimd, TVector>(quants, 1, factors, units, rows, sums);
                break;
            case 2:
                AddRun<TSimd, TVector>(quants, 2, factors, units, rows, sums);
                break;
            default:
                AddRun<TSimd, TVector>(quants, 3, factors, units, rows, sums);
                break;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddRun<TSimd, TVector>(float* quants, int run, float* factors, byte* units, int rows, float* sums)
        where TSimd : ISimd<TVector>
        where TVector : struct =>
        ByteUnit.AddHalves<TSimd, TVector>(
            Quant<TSimd, TVector>(quants, run, 0), Quant<TSimd, TVector>(quants, run, 1), Quant<TSimd, TVector>(quants, run, 2), Quant<TSimd, TVector>(quants, run, 3),
            Quant<TSimd, TVector>(quants, run, 4), Quant<TSimd, TVector>(quants, run, 5), Quant<TSimd, TVector>(quants, run, 6), Quant<TSimd, TVector>(quants, run, 7),
            4, TSimd.Load(factors), TSimd.Load(factors + 16 * TSimd.Width), TSimd.Load(factors + TSimd.Width), TSimd.Load(factors + 17 * TSimd.Width),
            units, rows, sums);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector Quant<TSimd, TVector>(float* quants, int run, int quad)
        where TSimd : ISimd<TVector>
        where TVector : struct => TSimd.Bits(TSimd.Load(quants + quad * TSimd.Width), 2 * run, 3, 0);
}
