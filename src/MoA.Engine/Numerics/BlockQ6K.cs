using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace MoA.Engine.Numerics;

/// <summary>
/// Q6_K: 128 bytes with lower halves, 64 with upper pairs of bits, 16 signed scales, F16 factor. Each half of the block
/// (128 elements, four groups) has 64 bytes of lower halves, whose byte i belongs to groups 0 and 2 and byte i + 32 to
/// groups 1 and 3, and 32 bytes with two bits for each group. Quants are shifted by 32. The 16 scales of 16 elements are
/// multiplied into the quants here, so that a group has one scale as in the other formats.
/// </summary>
internal readonly unsafe struct BlockQ6K : IBlockFormat
{
    public const int Bytes = 128 + 64 + 16 + 2;

    private const int UpperBits = 128;
    private const int Scales = 192;
    private const int Factor = 208;

    public static int Groups => 8;

    public static int BlockBytes => Bytes;

    public static bool HasOffsets => false;

    public static void Quantize(float* source, byte* block)
    {
        byte* quants = stackalloc byte[256];
        SymmetricQuantizer.Quantize(source, (sbyte*)block + Scales, block + Factor, quants);
        for (int half = 0; half < 2; half++)
        {
            byte* from = quants + 128 * half;
            for (int i = 0; i < 32; i++)
            {
                int a = from[i], b = from[i + 32], c = from[i + 64], d = from[i + 96];
                block[64 * half + i] = (byte)((a & 15) | ((c & 15) << 4));
                block[64 * half + 32 + i] = (byte)((b & 15) | ((d & 15) << 4));
                block[UpperBits + 32 * half + i] = (byte)((a >> 4) | ((b >> 4) << 2) | ((c >> 4) << 4) | ((d >> 4) << 6));
            }
        }
    }

    public static void Dequantize(byte* block, float* destination)
    {
        float factor = BlockScale.Read(block + Factor);
        for (int group = 0; group < 8; group++)
        {
            byte* lowerBits = block + 64 * (group / 4) + 32 * (group % 2);
            byte* upperBits = block + UpperBits + 32 * (group / 4);
            for (int i = 0; i < 32; i++)
            {
                int quant = (lowerBits[i] >> (4 * (group % 4 / 2))) & 15;
                quant |= ((upperBits[i] >> (2 * (group % 4))) & 3) << 4;
                int scale = ((sbyte*)block)[Scales + 2 * group + i / 16];
                destination[32 * group + i] = factor * (scale * (quant - 32));
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void ReadFactors(byte* block, float* scales, float* offsets) =>
        Vector256.Create(BlockScale.Read(block + Factor)).Store(scales);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void LoadQuants(byte* block, int group, out Vector256<short> lower, out Vector256<short> upper)
    {
        byte* lowerBits = block + 64 * (group / 4) + 32 * (group % 2);
        byte* upperBits = block + UpperBits + 32 * (group / 4);
        sbyte* scales = (sbyte*)block + Scales + 2 * group;
        lower = Quants(lowerBits, upperBits, group % 4) * Vector256.Create((short)scales[0]);
        upper = Quants(lowerBits + 16, upperBits + 16, group % 4) * Vector256.Create((short)scales[1]);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<short> Quants(byte* lowerBits, byte* upperBits, int group)
    {
        Vector256<short> four = (Integers.WidenUnsigned(lowerBits) >>> (4 * (group / 2))) & Vector256.Create((short)15);
        Vector256<short> two = ((Integers.WidenUnsigned(upperBits) >>> (2 * group)) << 4) & Vector256.Create((short)48);
        return (four | two) - Vector256.Create((short)32);
    }
}
