using System.Runtime.CompilerServices;

namespace MoA.Engine.Numerics;

/// <summary>
/// The 12 bytes of Q4_K and Q5_K blocks that hold eight 6-bit scales and eight 6-bit minima: bytes 0 to 3 scales 0 to 3,
/// bytes 4 to 7 minima 0 to 3, bytes 8 to 11 the lower four bits of scale and minimum 4 to 7, whose upper two bits stand
/// at the top of bytes 0 to 7.
/// </summary>
internal static unsafe class KScales
{
    public const int Bytes = 12;

    public static void Pack(ReadOnlySpan<byte> scales, ReadOnlySpan<byte> minima, byte* packed)
    {
        for (int i = 0; i < 4; i++)
        {
            packed[i] = (byte)(scales[i] | ((scales[i + 4] >> 4) << 6));
            packed[i + 4] = (byte)(minima[i] | ((minima[i + 4] >> 4) << 6));
            packed[i + 8] = (byte)((scales[i + 4] & 15) | ((minima[i + 4] & 15) << 4));
        }
    }

    /// <summary>Scales 0 to 7, one in each byte, and the minima likewise.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (ulong Scales, ulong Minima) Unpack(byte* packed)
    {
        uint a = *(uint*)packed, b = *(uint*)(packed + 4), c = *(uint*)(packed + 8);
        uint upperScales = (c & 0x0F0F0F0F) | ((a >> 2) & 0x30303030);
        uint upperMinima = ((c >> 4) & 0x0F0F0F0F) | ((b >> 2) & 0x30303030);
        return ((a & 0x3F3F3F3F) | ((ulong)upperScales << 32), (b & 0x3F3F3F3F) | ((ulong)upperMinima << 32));
    }
}
