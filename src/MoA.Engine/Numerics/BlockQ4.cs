using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace MoA.Engine.Numerics;

/// <summary>
/// Q4_0: F16 scale, then 16 bytes; byte j holds element j in its lower half and element j + 16 in its upper, both
/// shifted by 8.
/// </summary>
internal readonly unsafe struct BlockQ4 : IBlockFormat
{
    public const int Bytes = 2 + Size / 2;

    /// <summary>What is subtracted from every quant.</summary>
    public const int Shift = 8;

    private const int Size = 32;

    public static int BlockBytes => Bytes;

    public static int BlockSize => Size;

    // The element of largest magnitude becomes exactly -8, the end of the range that has one step more.
    public static void Quantize(float* source, byte* block)
    {
        float extreme = 0;
        for (int i = 0; i < Size; i++)
        {
            if (MathF.Abs(source[i]) > MathF.Abs(extreme))
                extreme = source[i];
        }

        float scale = extreme / -8;
        BlockScale.Write(block, scale);
        float inverse = scale == 0 ? 0 : 1 / scale;
        for (int i = 0; i < 16; i++)
        {
            int lower = Math.Min(15, (int)(source[i] * inverse + 8.5f));
            int upper = Math.Min(15, (int)(source[i + 16] * inverse + 8.5f));
            block[2 + i] = (byte)(lower | (upper << 4));
        }
    }

    public static void Dequantize(byte* block, float* destination)
    {
        float scale = BlockScale.Read(block);
        for (int i = 0; i < 16; i++)
        {
            destination[i] = scale * ((block[2 + i] & 15) - 8);
            destination[i + 16] = scale * ((block[2 + i] >> 4) - 8);
        }
    }

    /// <summary>Elements 0 to 15 and 16 to 31, not shifted back yet.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void LoadQuants(byte* block, out Vector256<short> lower, out Vector256<short> upper)
    {
        Vector256<short> both = Integers.WidenUnsigned(block + 2);
        lower = both & Vector256.Create((short)15);
        upper = both >>> 4;
    }
}
