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

    public static int GroupColumns => BlockQ6K.ElementsPerScale;

    public static int UnitBytes => ByteUnit.Bytes(BlockQ6K.ElementsPerScale);

    public static int Factors => 16;

    public static void Round(float* x, byte* unit) => ByteUnit.Round(x, BlockQ6K.ElementsPerScale, unit);

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
        int half = group / 8, run = group / 2 % 4;
        float* quads = (float*)(cell + 2 * TSimd.Width);
        float* lower = quads + (16 * half + 8 * (run % 2) + 4 * (group % 2)) * TSimd.Width;
        float* upper = quads + (32 + 8 * half + 4 * (group % 2)) * TSimd.Width;
        TVector scales = TSimd.Load(factors + group * TSimd.Width);
        switch (run)
        {
            case 0:
                AddRun<TSimd, TVector>(lower, upper, 0, scales, units, rows, sums);
                break;
            case 1:
                AddRun<TSimd, TVector>(lower, upper, 1, scales, units, rows, sums);
                break;
            case 2:
                AddRun<TSimd, TVector>(lower, upper, 2, scales, units, rows, sums);
                break;
            default:
                AddRun<TSimd, TVector>(lower, upper, 3, scales, units, rows, sums);
                break;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddRun<TSimd, TVector>(float* lower, float* upper, int run, TVector scales, byte* units, int rows, float* sums)
        where TSimd : ISimd<TVector>
        where TVector : struct =>
        ByteUnit.Add<TSimd, TVector>(
            Quant<TSimd, TVector>(lower, upper, run, 0), Quant<TSimd, TVector>(lower, upper, run, 1),
            Quant<TSimd, TVector>(lower, upper, run, 2), Quant<TSimd, TVector>(lower, upper, run, 3),
            6, scales, TSimd.Multiply(scales, TSimd.Broadcast(BlockQ6K.Shift)), units, rows, sums);

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
