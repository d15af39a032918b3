using System.Runtime.CompilerServices;
using MoA.Engine.Numerics;

namespace MoA.Engine.Kernels.Strips;

/// <summary>Q6_K: the factor of all lanes, sixteen scales of each, then lower halves and upper pairs of bits as stored.</summary>
internal readonly unsafe struct StripQ6K : IStripFormat
{
    public static int CellColumns => 256;

    public static int CellBytes => BlockQ6K.Bytes;

    public static int GroupColumns => BlockQ6K.ElementsPerScale;

    public static int UnitBytes => ByteUnit.Bytes(BlockQ6K.ElementsPerScale);

    public static int Factors => 16;

    public static void Round(float* x, byte* unit) => ByteUnit.Round(x, BlockQ6K.ElementsPerScale, unit);

    public static void Interleave(byte* row, int columns, byte* cell, int lane, int lanes)
    {
        InterleavedBlock.Pairs(row + BlockQ6K.Factor, 1, cell, lane, lanes);
        sbyte* scales = (sbyte*)cell + 2 * lanes + lane;
        for (nint i = 0; i < 16; i++)
            scales[i * lanes] = ((sbyte*)row)[BlockQ6K.Scales + i];
        InterleavedBlock.Quads(row, 48, cell + 18 * lanes, lane, lanes);
    }

    public static void ReadFactors<TSimd, TVector>(byte* cell, float* factors)
        where TSimd : ISimd<TVector>
        where TVector : struct
    {
        TVector factor = TSimd.LoadF16((ushort*)cell);
        sbyte* scales = (sbyte*)cell + 2 * TSimd.Width;
        for (int group = 0; group < 16; group++)
            TSimd.Store(factors + group * TSimd.Width, TSimd.Multiply(factor, TSimd.LoadInt8(scales + group * TSimd.Width)));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void AddGroup<TSimd, TVector>(byte* cell, int group, float* factors, byte* units, int rows, float* sums)
        where TSimd : ISimd<TVector>
        where TVector : struct
    {
        // A half of the block has four runs of 32: the first and the third share bytes of lower halves, as do the others.
        int half = group / 8, run = group / 2 % 4;
        float* lower = (float*)(cell + 18 * TSimd.Width) + (16 * half + 8 * (run % 2) + 4 * (group % 2)) * TSimd.Width;
        float* upper = (float*)(cell + 18 * TSimd.Width) + (32 + 8 * half + 4 * (group % 2)) * TSimd.Width;
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
