using MoA.Engine.Numerics;

namespace MoA.Engine.Kernels.Strips;

/// <summary>
/// The first four quads of Q4_K and Q5_K: the binary16 factors of scales and minima in one lane, then the 12 bytes of
/// <see cref="KScales"/>.
/// </summary>
internal static unsafe class StripKFactors
{
    /// <summary>Writes the scales of the eight groups, then their minima, each for every lane.</summary>
    public static void Read<TSimd, TVector>(byte* cell, float* factors)
        where TSimd : ISimd<TVector>
        where TVector : struct
    {
        float* quads = (float*)cell;
        TVector both = TSimd.Load(quads), scale = TSimd.LowerF16(both), minimum = TSimd.UpperF16(both);
        TVector scales = TSimd.Load(quads + TSimd.Width), minima = TSimd.Load(quads + 2 * TSimd.Width);
        TVector others = TSimd.Load(quads + 3 * TSimd.Width);
        for (int i = 0; i < 4; i++, factors += TSimd.Width)
        {
            TSimd.Store(factors, TSimd.Multiply(scale, TSimd.SixBits(scales, 8 * i)));
            TSimd.Store(factors + 4 * TSimd.Width, TSimd.Multiply(scale, TSimd.SixBits(others, 8 * i, scales, 8 * i + 6)));
            TSimd.Store(factors + 8 * TSimd.Width, TSimd.Multiply(minimum, TSimd.SixBits(minima, 8 * i)));
            TSimd.Store(factors + 12 * TSimd.Width, TSimd.Multiply(minimum, TSimd.SixBits(others, 8 * i + 4, minima, 8 * i + 6)));
        }
    }
}
