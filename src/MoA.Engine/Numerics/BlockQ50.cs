using System.Runtime.CompilerServices;

namespace MoA.Engine.Numerics;

/// <summary>
/// Q5_0: F16 scale, 4 bytes whose bit i is the fifth of element i, then 16 bytes as in <see cref="BlockQ4"/>. An element is
/// scale·(quant − 16).
/// </summary>
internal readonly unsafe struct BlockQ50 : IBlockFormat
{
    /// <summary>What is subtracted from every quant.</summary>
    public const int Shift = 16;

    private const int Size = 32;
    private const int FifthBits = 2;

    public static int BlockBytes => FifthBits + 4 + Size / 2;

    public static int BlockSize => Size;

    // The element of largest magnitude becomes exactly -16, the end of the range that has one step more.
    public static void Quantize(float* source, byte* block)
    {
        float extreme = 0;
        for (int i = 0; i < Size; i++)
        {
            if (MathF.Abs(source[i]) > MathF.Abs(extreme))
                extreme = source[i];
        }

        float scale = extreme / -Shift, inverse = scale == 0 ? 0 : 1 / scale;
        BlockScale.Write(block, scale);
        byte* quants = stackalloc byte[Size];
        for (int i = 0; i < Size; i++)
            quants[i] = (byte)Math.Min(31, (int)(source[i] * inverse + Shift + 0.5f));
        Pack(quants, block + FifthBits);
    }

    public static void Dequantize(byte* block, float* destination)
    {
        float scale = BlockScale.Read(block);
        byte* quants = stackalloc byte[Size];
        Unpack(block + FifthBits, quants);
        for (int i = 0; i < Size; i++)
            destination[i] = scale * (quants[i] - Shift);
    }

    /// <summary>Writes 32 quants of five bits: their fifth bits, then their lower halves.</summary>
    public static void Pack(byte* quants, byte* packed)
    {
        uint bits = 0;
        for (int i = 0; i < Size; i++)
            bits |= (uint)(quants[i] >> 4) << i;
        Unsafe.WriteUnaligned(packed, bits);
        for (int i = 0; i < 16; i++)
            packed[4 + i] = (byte)((quants[i] & 15) | (quants[i + 16] << 4));
    }

    /// <summary>Reads what <see cref="Pack"/> wrote.</summary>
    public static void Unpack(byte* packed, byte* quants)
    {
        uint bits = Unsafe.ReadUnaligned<uint>(packed);
        for (int i = 0; i < Size; i++)
        {
            int lower = (packed[4 + i % 16] >> (i / 16 * 4)) & 15;
            quants[i] = (byte)(lower | (int)((bits >> i) & 1) << 4);
        }
    }
}
