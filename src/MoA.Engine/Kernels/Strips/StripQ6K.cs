using System.Runtime.CompilerServices;
using MoA.Engine.Numerics;

namespace MoA.Engine.Kernels.Strips;

/// <summary>Q6_K: 32 quads of lower halves, 16 of upper pairs of bits, four of scales.</summary>
internal readonly unsafe struct StripQ6K : IStripFormat
{
    public static int CellColumns => 256;

    public static int QuadBytes => BlockQ6K.Factor;

    public static int QuadsAt => 0;

    public static int FactorAt => BlockQ6K.Factor;

    public static int GroupColumns => 2 * BlockQ6K.ElementsPerScale;

    public static int UnitBytes => ByteUnit.BytesOfHalves;

    public static int Factors => 16;

    public static void Round(float* x, byte* unit) => ByteUnit.RoundHalves(x, unit);

    public static void ReadFactors<TSimd, TVector>(byte* cell, float* factors)
        where TSimd : ISimd<TVector>
        where TVector : struct
    {
        TVector factor = TSimd.LoadF16((ushort*)cell);
        float* quads = (float*)(cell + 2 * TSimd.Width) + 48 * TSimd.Width;
        for (int quad = 0; quad < 4; quad++, quads += TSimd.Width, factors += 4 * TSimd.Width)
        {
            TVector steps = TSimd.Load(quads);
            for (int i = 0; i < 4; i++)
                TSimd.Store(factors + i * TSimd.Width, TSimd.Multiply(factor, TSimd.SignedByte(steps, i)));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void AddGroup<TSimd, TVector>(byte* cell, int group, float* factors, byte* units, int rows, float* sums)
        where TSimd : ISimd<TVector>
        where TVector : struct
    {
        // A half of the block has four runs of 32: the first and the third share bytes of lower halves, as do the others. Shifts
        // are constants in each case, which saves a third of the time.
        int half = group / 4, run = group % 4;
        float* quads = (float*)(cell + 2 * TSimd.Width);
        float* lower = quads + (16 * half + 8 * (run % 2)) * TSimd.Width;
        float* upper = quads + (32 + 8 * half) * TSimd.Width;
        factors += 2 * group * TSimd.Width;
        switch (run)
        {
            case 0:
                AddRun<TSimd, TVector>(lower, upper, 0, factors, units, rows, sums);
                break;
            case 1:
                AddRun<TSimd, TVector>(lower, upper, 1, factors, units, rows, sums);
                break;
            case 2:
                AddRun<TSimd, TVector>(lower, upper, 2, factors, units, rows, sums);
                break;
            default:
                AddRun<TSimd, TVector>(lower, upper, 3, factors, units, rows, sums);
                break;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddRun<TSimd, TVector>(float* lower, float* upper, int run, float* factors, byte* units, int rows, float* sums)
        where TSimd : ISimd<TVector>
        where TVector : struct
    {
        TVector scales = TSimd.Load(factors), otherScales = TSimd.Load(factors + TSimd.Width), shift = TSimd.Broadcast(BlockQ6K.Shift);
        ByteUnit.AddHalves<TSimd, TVector>(
            Quant<TSimd, TVector>(lower, upper, run, 0), Quant<TSimd, TVector>(lower, upper, run, 1),
            Quant<TSimd, TVector>(lower, upper, run, 2), Quant<TSimd, TVector>(lower, upper, run, 3),
            Quant<TSimd, TVector>(lower, upper, run, 4), Quant<TSimd, TVector>(lower, upper, run, 5),
            Quant<TSimd, TVector>(lower, upper, run, 6), Quant<TSimd, TVector>(lower, upper, run, 7),
            6, scales, TSimd.Multiply(scales, shift), otherScales, TSimd.Multiply(otherScales, shift), units, rows, sums);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector Quant<TSimd, TVector>(float* lower, float* upper, int run, int quad)
        where TSimd : ISimd<TVector>
        where TVector : struct
    {
        TVector bytes = TSimd.Load(lower + quad * TSimd.Width);
        TVector nibbles = run < 2 ? TSimd.LowerNibbles(bytes) : TSimd.UpperNibbles(bytes);
        return TSimd.Or(nibbles, TSimd.Bits(TSimd.Load(upper + quad * TSimd.Width), 2 * run, 3, 4));
    }
}
