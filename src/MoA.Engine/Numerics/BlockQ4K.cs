using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace MoA.Engine.Numerics;

/// <summary>
/// Q4_K: F16 factor of the scales, F16 factor of the minima, <see cref="KScales"/>, then 128 bytes; bytes 32j to 32j + 31
/// hold group 2j in their lower halves and group 2j + 1 in their upper. An element is scale·quant − minimum.
/// </summary>
internal readonly unsafe struct BlockQ4K : ISuperBlockFormat
{
    public const int Bytes = 4 + KScales.Bytes + 128;

    private const int Quants = 4 + KScales.Bytes;

    public static int BlockBytes => Bytes;

    public static int BlockSize => 256;

    public static int GroupSize => 32;

    public static int Shift => 0;

    public static void Quantize(float* source, byte* block)
    {
        byte* quants = stackalloc byte[256];
        Span<byte> scales = stackalloc byte[8], minima = stackalloc byte[8];
        AffineQuantizer.Quantize(source, 15, KScales.Largest, block, scales, minima, quants);
        KScales.Pack(scales, minima, block + 4);
        for (int pair = 0; pair < 4; pair++)
        {
            for (int i = 0; i < 32; i++)
                block[Quants + 32 * pair + i] = (byte)(quants[64 * pair + i] | (quants[64 * pair + 32 + i] << 4));
        }
    }

    public static void Dequantize(byte* block, float* destination)
    {
        ReadFactors(block, out Vector256<float> scales, out Vector256<float> offsets);
        for (int group = 0; group < 8; group++)
        {
            byte* quants = block + Quants + 32 * (group / 2);
            for (int i = 0; i < 32; i++)
            {
                int quant = (quants[i] >> (4 * (group % 2))) & 15;
                destination[32 * group + i] = scales[group] * quant - offsets[group];
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void ReadFactors(byte* block, out Vector256<float> scales, out Vector256<float> offsetsOrMore) =>
        KScales.ReadFactors(block, out scales, out offsetsOrMore);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (int First, int Second) Runs(int chunk) => (64 * chunk, 64 * chunk + 32);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Unpack(byte* block, int chunk, out Vector256<byte> first, out Vector256<byte> second) =>
        Integers.SplitNibbles(block + Quants + 32 * chunk, out first, out second);
}
