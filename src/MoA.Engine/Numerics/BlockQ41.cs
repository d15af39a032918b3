namespace MoA.Engine.Numerics;

/// <summary>
/// Q4_1: F16 scale, F16 minimum, then 16 bytes; byte j holds element j in its lower half and element j + 16 in its upper. An
/// element is scale·quant + minimum.
/// </summary>
internal readonly unsafe struct BlockQ41 : IBlockFormat
{
    private const int Size = 32;
    private const int Quants = 4;

    public static int BlockBytes => Quants + Size / 2;

    public static int BlockSize => Size;

    public static void Quantize(float* source, byte* block)
    {
        byte* quants = stackalloc byte[Size];
        RangeQuantizer.Quantize(source, 15, block, quants);
        for (int i = 0; i < 16; i++)
            block[Quants + i] = (byte)(quants[i] | (quants[i + 16] << 4));
    }

    public static void Dequantize(byte* block, float* destination)
    {
        float scale = BlockScale.Read(block), minimum = BlockScale.Read(block + 2);
        for (int i = 0; i < 16; i++)
        {
            destination[i] = scale * (block[Quants + i] & 15) + minimum;
            destination[i + 16] = scale * (block[Quants + i] >> 4) + minimum;
        }
    }
}
