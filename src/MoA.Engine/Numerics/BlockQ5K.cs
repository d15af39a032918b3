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

    public static void Quantize(float* source, byte* block)
    {
        byte* quants = stackalloc byte[256];
        Span<byte> scales = stackalloc byte[8], minima = stackalloc byte[8];
        AffineQuantizer.Quantize(source, 31, KScales.Largest, block, scales, minima, quants);
        KScales.Pack(scales, minima, block + 4);
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
        ReadFactors(block, out Vector256<float> scales, out Vector256<float> offsets);
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
    public static void ReadFactors(byte* block, out Vector256<float> scales, out Vector256<float> offsetsOrMore) =>
        KScales.ReadFactors(block, out scales, out offsetsOrMore);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (int First, int Second) Runs(int chunk) => (64 * chunk, 64 * chunk + 32);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Unpack(byte* block, int chunk, out Vector256<byte> first, out Vector256<byte> second)
    {
        Integers.SplitNibbles(block + Quants + 32 * chunk, out first, out second);
        Vector256<byte> bits = Vector256.Load(block + FifthBits), fifth = Vector256.Create((byte)16);
        first |= Integers.ShiftBits(bits, 2 * chunk - 4) & fifth;
        second |= Integers.ShiftBits(bits, 2 * chunk - 3) & fifth;
    }
}
