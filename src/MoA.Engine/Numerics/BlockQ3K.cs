namespace MoA.Engine.Numerics;

/// <summary>
/// Q3_K: 32 bytes with third bits (bit g of byte i belongs to element i of run g of 32), <see cref="PairsOfBits"/>, 12 bytes with
/// 16 scales of six bits, shifted by 32, and the F16 factor. An element is scale·(quant − 4). The scales' bytes: byte i mod 8 has
/// the lower four bits of scale i, in its lower half for the first eight; byte 8 + i mod 4 has the upper two, at 2·(i / 4).
/// </summary>
internal readonly unsafe struct BlockQ3K : IBlockFormat
{
    /// <summary>Where the factor stands.</summary>
    public const int Factor = Scales + 12;

    /// <summary>What is subtracted from every quant.</summary>
    public const int Shift = 4;

    /// <summary>What is subtracted from every scale.</summary>
    public const int ScaleShift = 32;

    /// <summary>Elements that share a scale.</summary>
    public const int GroupSize = 16;

    private const int Quants = 32;
    private const int Scales = Quants + 64;
    private const int Groups = 16;

    public static int BlockBytes => Factor + 2;

    public static int BlockSize => 256;

    public static void Quantize(float* source, byte* block)
    {
        byte* quants = stackalloc byte[256];
        sbyte* scales = stackalloc sbyte[Groups];
        SymmetricQuantizer.Quantize(source, Shift, ScaleShift, scales, block + Factor, quants);
        new Span<byte>(block, Factor).Clear();
        PairsOfBits.Pack(quants, block + Quants);
        for (int i = 0; i < 256; i++)
            block[i % 32] |= (byte)(quants[i] >> 2 << (i / 32));
        for (int i = 0; i < Groups; i++)
        {
            int steps = scales[i] + ScaleShift;
            block[Scales + i % 8] |= (byte)((steps & 15) << (i / 8 * 4));
            block[Scales + 8 + i % 4] |= (byte)(steps >> 4 << (i / 4 * 2));
        }
    }

    public static void Dequantize(byte* block, float* destination)
    {
        float factor = BlockScale.Read(block + Factor);
        for (int group = 0; group < Groups; group++)
        {
            int steps = (block[Scales + group % 8] >> (group / 8 * 4)) & 15;
            steps |= ((block[Scales + 8 + group % 4] >> (group / 4 * 2)) & 3) << 4;
            float scale = factor * (steps - ScaleShift);
            for (int i = group * GroupSize; i < (group + 1) * GroupSize; i++)
            {
                int third = (block[i % 32] >> (i / 32)) & 1;
                destination[i] = scale * (PairsOfBits.Read(block + Quants, i) + 4 * third - Shift);
            }
        }
    }
}
