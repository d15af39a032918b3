using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace MoA.Engine.Numerics;

/// <summary>
/// The 12 bytes of Q4_K and Q5_K blocks that hold eight 6-bit scales and eight 6-bit minima: bytes 0 to 3 scales 0 to 3,
/// bytes 4 to 7 minima 0 to 3, bytes 8 to 11 the lower four bits of scale and minimum 4 to 7, whose upper two bits stand
/// at the top of bytes 0 to 7.
/// </summary>
internal static unsafe class KScales
{
    public const int Bytes = 12;

    /// <summary>The largest scale or minimum.</summary>
    public const int Largest = 63;

    public static void Pack(ReadOnlySpan<byte> scales, ReadOnlySpan<byte> minima, byte* packed)
    {
        for (int i = 0; i < 4; i++)
        {
            packed[i] = (byte)(scales[i] | ((scales[i + 4] >> 4) << 6));
            packed[i + 4] = (byte)(minima[i] | ((minima[i + 4] >> 4) << 6));
            packed[i + 8] = (byte)((scales[i + 4] & 15) | ((minima[i + 4] & 15) << 4));
        }
    }

    /// <summary>Bytes 0 to 7 are the scales, bytes 8 to 15 the minima. Four bytes more are read than there are.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Unpack(byte* packed)
    {
        Vector128<uint> words = Vector128.Load((uint*)packed);
        Vector128<uint> lower = Vector128.Shuffle(words, Vector128.Create(0u, 2, 1, 2));
        Vector128<uint> upper = Vector128.Shuffle(words, Vector128.Create(0u, 0, 1, 1));
        Vector128<uint> steps = lower & Vector128.Create(0x3F3F3F3Fu, 0x0F0F0F0F, 0x3F3F3F3F, 0);
        steps |= (lower >>> 4) & Vector128.Create(0, 0, 0, 0x0F0F0F0Fu);
        steps |= (upper >>> 2) & Vector128.Create(0, 0x30303030u, 0, 0x30303030);
        return steps.AsByte();
    }

    /// <summary>The groups' scales and minima, of a block that begins with the factors of both.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void ReadFactors(byte* block, out Vector256<float> scales, out Vector256<float> minima)
    {
        Vector128<byte> steps = Unpack(block + 4);
        scales = Vector256.ConvertToSingle(Integers.WidenLowerToInt32(steps)) * BlockScale.Read(block);
        minima = Vector256.ConvertToSingle(Integers.WidenUpperToInt32(steps)) * BlockScale.Read(block + 2);
    }
}
