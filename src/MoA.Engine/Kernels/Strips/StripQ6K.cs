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
        // A half of the block has four runs of 32: the first and the third share bytes of lower halves, as do the others.
        int half = group / 8, run = group / 2 % 4;
        float* lower = (float*)(cell + 2 * TSimd.Width) + (16 * half + 8 * (run % 2) + 4 * (group % 2)) * TSimd.Width;
        float* upper = (float*)(cell + 2 * TSimd.Width) + (32 + 8 * half + 4 * (group % 2)) * TSimd.Width;
        int shift = 4 * (run / 2);
        TVector scales = TSimd.Load(factors + group * TSimd.Width);
        TVector offsets = TSimd.Multiply(scales, TSimd.Broadcast(BlockQ6K.Shift));
        ByteUnit.Add<TSimd, TVector>(
            Quant<TSimd, TVector>(lower, upper, shift, run, 0), Quant<TSimd, TVector>(lower, upper, shift, run, 1),
            Quant<TSimd, TVector>(lower, upper, shift, run, 2), Quant<TSimd, TVector>(lower, upper, shift, run, 3),
            6, scales, offsets, units, rows, sums);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector Quant<TSimd, TVector>(float* lower, float* upper, int shift, int run, int quad)
        where TSimd : ISimd<TVector>
        where TVector : struct
    {
        TVector nibbles = TSimd.LowerNibbles(TSimd.ShiftRight(TSimd.Load(lower + quad * TSimd.Width), shift));
        return TSimd.Or(nibbles, TSimd.BitsAboveNibbles(TSimd.Load(upper + quad * TSimd.Width), 2 * run, 3));
    }
}
