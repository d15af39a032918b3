using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace MoA.Engine.Numerics;

/// <summary>
/// Q5_K: F16 factor of the scales, F16 factor of the minima, <see cref="KScales"/>, 32 bytes with the fifth bits (bit g of
/// byte i belongs to element i of group g), then 128 bytes as in <see cref="BlockQ4K"/>.
/// </summary>
internal readonly unsafe struct BlockQ5K : ISuperBlockFormat
{
    public const int Bytes = 4 + KScales.Bytes + 32 + 128;

    private const int FifthBits = 4 + KScales.Bytes;
    private const int Quants = FifthBits + 32;

    public static int BlockBytes => Bytes;

    public static int BlockSize => 256;

    public static int GroupSize => 32;

    public static int Shift => 0;

    public static bool HasOffsets => true;

    public static void Quantize(float* source, byte* block)
    {
        byte* quants = stackalloc byte[256];
        AffineQuantizer.Quantize(source, 31, block, quants);
        new Span<byte>(block + FifthBits, 32).Clear();
        for (int group = 0; group < 8; group++)
        {
            for (int i = 0; i < 32; i++)
                block[FifthBits + i] |= (byte)((quants[32 * group + i] >> 4) << group);
        }

        for (int pair = 0; pair < 4; pair++)
        {
            for (int i = 0; i < 32; i++)
            {
                int lower = quants[64 * pair + i] & 15, upper = quants[64 * pair + 32 + i] & 15;
                block[Quants + 32 * pair + i] = (byte)(lower | (upper << 4));
            }
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
                quant |= ((block[FifthBits + i] >> group) & 1) << 4;
                destination[32 * group + i] = scales[group] * quant - offsets[group];
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void ReadFactors(byte* block, float* scales, float* offsets) =>
        AffineQuantizer.ReadFactors(block, scales, offsets);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void LoadQuants(byte* block, int half, int member, out Vector256<short> lower, out Vector256<short> upper)
    {
        byte* quants = block + Quants + 64 * half + 32 * (member / 2);
        int group = 4 * half + member;
        Vector256<short> fifthBit = Vector256.Create((short)16);
        lower = BlockQ4K.Nibbles(quants, member) |
            (((Integers.WidenUnsigned(block + FifthBits) >>> group) << 4) & fifthBit);
        upper = BlockQ4K.Nibbles(quants + 16, member) |
            (((Integers.WidenUnsigned(block + FifthBits + 16) >>> group) << 4) & fifthBit);
    }
}
