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

    public static bool HasOffsets => true;

    public static void Quantize(float* source, byte* block)
    {
        byte* quants = stackalloc byte[256];
        AffineQuantizer.Quantize(source, 15, block, quants);
        for (int pair = 0; pair < 4; pair++)
        {
            for (int i = 0; i < 32; i++)
                block[Quants + 32 * pair + i] = (byte)(quants[64 * pair + i] | (quants[64 * pair + 32 + i] << 4));
        }
    }

    public static void Dequantize(byte* block, float* destination)
    {
        float* scales = stackalloc float[8], offsets = stackalloc float[8];
        ReadFactors(block, scales, offsets);
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
    public static void ReadFactors(byte* block, float* scales, float* offsets) =>
        AffineQuantizer.ReadFactors(block, scales, offsets);

    public static (int First, int Second) Runs(int chunk) => (64 * chunk, 64 * chunk + 32);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Unpack(
        byte* block, int chunk, out Vector256<short> even0, out Vector256<short> odd0, out Vector256<short> even1,
        out Vector256<short> odd1) =>
        Integers.SplitNibbles(block + Quants + 32 * chunk, out even0, out odd0, out even1, out odd1);
}
