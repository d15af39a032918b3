namespace MoA.Engine.Numerics;

/// <summary>
/// Q2_K: 16 bytes with scale (lower half) and minimum (upper half) of a group of 16, 64 bytes of quants, then the F16 factors of
/// scales and minima. Each half of the block (128 elements) has 32 bytes, whose byte i holds its elements i, i + 32, i + 64 and
/// i + 96, two bits each. An element is scale·quant − minimum.
/// </summary>
internal readonly unsafe struct BlockQ2K : IBlockFormat
{
    /// <summary>Where the factors stand.</summary>
    public const int Factor = Groups + 64;

    /// <summary>Elements that share a scale and a minimum.</summary>
    public const int GroupSize = 16;

    private const int Groups = 16;
    private const int LargestStep = 15;

    public static int BlockBytes => Factor + 4;

    public static int BlockSize => 256;

    public static void Quantize(float* source, byte* block)
    {
        byte* quants = stackalloc byte[256];
        Span<byte> scales = stackalloc byte[Groups], minima = stackalloc byte[Groups];
        AffineQuantizer.Quantize(source, 3, LargestStep, block + Factor, scales, minima, quants);
        for (int group = 0; group < Groups; group++)
            block[group] = (byte)(scales[group] | (minima[group] << 4));
        PairsOfBits.Pack(quants, block + Groups);
    }

    public static void Dequantize(byte* block, float* destination)
    {
        float scale = BlockScale.Read(block + Factor), minimum = BlockScale.Read(block + Factor + 2);
        for (int i = 0; i < 256; i++)
        {
            int steps = block[i / GroupSize];
            destination[i] = scale * (steps & 15) * PairsOfBits.Read(block + Groups, i) - minimum * (steps >> 4);
        }
    }
}
