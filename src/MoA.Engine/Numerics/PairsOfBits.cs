namespace MoA.Engine.Numerics;

/// <summary>
/// The 64 bytes of Q2_K and Q3_K blocks that hold two bits of every element: each half of the block has 32 bytes, whose byte i
/// holds its elements i, i + 32, i + 64 and i + 96.
/// </summary>
internal static unsafe class PairsOfBits
{
    /// <summary>Writes the lower two bits of 256 quants.</summary>
    public static void Pack(byte* quants, byte* packed)
    {
        for (int i = 0; i < 64; i++)
        {
            byte* from = quants + i / 32 * 128 + i % 32;
            packed[i] = (byte)((from[0] & 3) | (from[32] & 3) << 2 | (from[64] & 3) << 4 | (from[96] & 3) << 6);
        }
    }

    /// <summary>The two bits of an element.</summary>
    public static int Read(byte* packed, int element) => (packed[element / 128 * 32 + element % 32] >> (element / 32 % 4 * 2)) & 3;
}
