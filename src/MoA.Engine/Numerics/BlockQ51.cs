namespace MoA.Engine.Numerics;

/// <summary>Q5_1: F16 scale, F16 minimum, then fifth bits and lower halves as in <see cref="BlockQ50"/>. An element is scale·quant + minimum.</summary>
internal readonly unsafe struct BlockQ51 : IBlockFormat
{
    private const int Size = 32;
    private const int Quants = 4;

    public static int BlockBytes => Quants + 4 + Size / 2;

    public static int BlockSize => Size;

    public static void Quantize(float* source, byte* block)
    {
        byte* quants = stackalloc byte[Size];
        RangeQuantizer.Quantize(source, 31, block, quants);
        BlockQ50.Pack(quants, block + Quants);
    }

    public static void Dequantize(byte* block, float* destination)
    {
        float scale = BlockScale.Read(block), minimum = BlockScale.Read(block + 2);
        byte* quants = stackalloc byte[Size];
        BlockQ50.Unpack(block + Quants, quants);
        for (int i = 0; i < Size; i++)
            destination[i] = scale * quants[i] + minimum;
    }
}
