using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace MoA.Engine.Numerics;

/// <summary>Q8_0: F16 scale, then 32 signed bytes.</summary>
internal readonly unsafe struct BlockQ8 : IBlockFormat
{
    public const int Bytes = 2 + Elements;

    /// <summary>Elements of a block.</summary>
    public const int Elements = 32;

    public static int BlockBytes => Bytes;

    public static int BlockSize => Elements;

    public static void Quantize(float* source, byte* block)
    {
        float largest = 0;
        for (int i = 0; i < Elements; i++)
            largest = MathF.Max(largest, MathF.Abs(source[i]));
        float scale = largest / 127;
        BlockScale.Write(block, scale);
        float inverse = scale == 0 ? 0 : 1 / scale;
        sbyte* quants = (sbyte*)block + 2;
        for (int i = 0; i < Elements; i++)
            quants[i] = (sbyte)MathF.Round(source[i] * inverse, MidpointRounding.AwayFromZero);
    }

    public static void Dequantize(byte* block, float* destination)
    {
        float scale = BlockScale.Read(block);
        for (int i = 0; i < Elements; i++)
            destination[i] = scale * ((sbyte*)block)[2 + i];
    }

    /// <summary>Elements 0 to 15 and 16 to 31.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void LoadQuants(byte* block, out Vector256<short> lower, out Vector256<short> upper)
    {
        lower = Integers.WidenSigned(block + 2);
        upper = Integers.WidenSigned(block + 18);
    }
}
