using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace MoA.Engine.Numerics;

/// <summary>
/// Q6_K: 128 bytes with lower halves, 64 with upper pairs of bits, 16 signed scales, F16 factor. Each half of the block
/// (128 elements, four groups) has 64 bytes of lower halves, whose byte i belongs to groups 0 and 2 and byte i + 32 to
/// groups 1 and 3, and 32 bytes with two bits for each group.
/// </summary>
internal readonly unsafe struct BlockQ6K : ISuperBlockFormat
{
    public const int Bytes = 128 + 64 + 16 + 2;

    public const int ElementsPerScale = 16;

    /// <summary>Where the factor stands.</summary>
    public const int Factor = 208;

    private const int UpperBits = 128;
    /// <summary>Where the scales stand.</summary>
    public const int Scales = 192;

    public static int BlockBytes => Bytes;

    public static int BlockSize => 256;

    public static int GroupSize => ElementsPerScale;

    public static int Shift => 32;

    public static void Quantize(float* source, byte* block)
    {
        byte* quants = stackalloc byte[256];
        SymmetricQuantizer.Quantize(source, 32, 128, (sbyte*)block + Scales, block + Factor, quants);
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
    public static void ReadFactors(byte* block, out Vector256<float> scales, out Vector256<float> offsetsOrMore)
    {
        Vector256<short> steps = Integers.WidenSigned(block + Scales);
        Vector256<float> factor = Vector256.Create(BlockScale.Read(block + Factor));
        scales = Vector256.ConvertToSingle(Vector256.WidenLower(steps)) * factor;
        offsetsOrMore = Vector256.ConvertToSingle(Vector256.WidenUpper(steps)) * factor;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (int First, int Second) Runs(int chunk)
    {
        int first = 128 * (chunk / 2) + 32 * (chunk % 2);
        return (first, first + 64);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Unpack(byte* block, int chunk, out Vector256<byte> first, out Vector256<byte> second)
    {
        Integers.SplitNibbles(block + 32 * chunk, out first, out second);
        Vector256<byte> bits = Vector256.Load(block + UpperBits + 32 * (chunk / 2)), upper = Vector256.Create((byte)48);
        int member = chunk % 2; // runs 0 and 2 of a half, or 1 and 3
        first |= Integers.ShiftBits(bits, 2 * member - 4) & upper;
        second |= Integers.ShiftBits(bits, 2 * member) & upper;
    }
}
