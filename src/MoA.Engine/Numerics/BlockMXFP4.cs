using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace MoA.Engine.Numerics;

/// <summary>
/// MXFP4 (OCP Microscaling Formats, version 1.0): a byte e for the scale 2^(e − 127), then 16 bytes as in <see cref="BlockQ4"/>, whose
/// halves are floats of a sign, two bits of exponent and one of mantissa.
/// </summary>
internal readonly unsafe struct BlockMXFP4 : IBlockFormat
{
    /// <summary>Where the floats stand.</summary>
    public const int Quants = 1;

    /// <summary>The largest exponent with which every element is finite; the format's NaN is 255.</summary>
    public const int LargestExponent = 252;

    /// <summary>Elements of a block.</summary>
    public const int Size = 32;

    public const int Bytes = Quants + Size / 2;

    private const int Bias = 127;

    public static int BlockBytes => Bytes;

    public static int BlockSize => Size;

    /// <summary>Twice the value of each float: whole numbers.</summary>
    public static Vector128<sbyte> Doubled
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Vector128.Create(0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12);
    }

    /// <summary>Half of 2^(e − 127), a subnormal number for the smallest two.</summary>
    public static float HalfScale(byte exponent) =>
        BitConverter.UInt32BitsToSingle(exponent < 2 ? 0x0020_0000u << exponent : (uint)(exponent - 1) << 23);

    // The specification gives the largest element the exponent of the largest float, 4 to 6: what lies above 6 is cut off. Twice the
    // scale cuts nothing off, and is taken where it comes nearer.
    public static void Quantize(float* source, byte* block)
    {
        float largest = 0;
        for (int i = 0; i < Size; i++)
            largest = MathF.Max(largest, MathF.Abs(source[i]));
        int exponent = largest == 0 ? 0 : Math.Clamp(MathF.ILogB(largest) - 2 + Bias, 0, LargestExponent - 1);
        block[0] = (byte)(Error(source, HalfScale((byte)(exponent + 1))) < Error(source, HalfScale((byte)exponent)) ? exponent + 1 : exponent);
        float scale = HalfScale(block[0]);
        for (int i = 0; i < 16; i++)
            block[Quants + i] = (byte)(Nearest(source[i], scale) | (Nearest(source[i + 16], scale) << 4));
    }

    private static float Error(float* source, float scale)
    {
        float error = 0;
        for (int i = 0; i < Size; i++)
        {
            float difference = scale * Doubled[Nearest(source[i], scale)] - source[i];
            error += difference * difference;
        }

        return error;
    }

    public static void Dequantize(byte* block, float* destination)
    {
        float scale = HalfScale(block[0]);
        Vector128<sbyte> doubled = Doubled;
        for (int i = 0; i < 16; i++)
        {
            destination[i] = scale * doubled[block[Quants + i] & 15];
            destination[i + 16] = scale * doubled[block[Quants + i] >> 4];
        }
    }

    /// <summary>
    /// Writes a block of a checkpoint in which 16 bytes hold neighbours, the even one in the lower half, and the exponent stands
    /// elsewhere.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Pack(byte* neighbours, byte exponent, byte* block)
    {
        Vector128<byte> both = Vector128.Load(neighbours), mask = Vector128.Create((byte)15);
        Vector128<byte> even = both & mask, odd = (both.AsUInt16() >>> 4).AsByte() & mask;
        // Elements 0, 2 … 30 and 1, 3 … 31 become 0 … 15 below 16 … 31.
        Vector128<ushort> lower = Vector128.WidenLower(even) | (Vector128.WidenLower(odd) << 8);
        Vector128<ushort> upper = Vector128.WidenUpper(even) | (Vector128.WidenUpper(odd) << 8);
        block[0] = exponent;
        (lower.AsByte() | (upper << 4).AsByte()).Store(block + Quants);
    }

    private static int Nearest(float value, float scale)
    {
        float magnitude = MathF.Abs(value);
        int best = 0;
        for (int i = 1; i < 8 && MathF.Abs(scale * Doubled[i] - magnitude) < MathF.Abs(scale * Doubled[best] - magnitude); i++)
            best = i;
        return value < 0 && best > 0 ? best + 8 : best;
    }
}
