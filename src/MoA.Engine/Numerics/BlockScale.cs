using System.Runtime.InteropServices;

namespace MoA.Engine.Numerics;

/// <summary>
/// The F16 factors inside quantised blocks. There is one in every few bytes, and converting it would take as long as the
/// rest of the block: a table of all 65536 values needs one load. The factors of a weight lie close together, so that
/// little of the table is in use at a time.
/// </summary>
internal static unsafe class BlockScale
{
    /// <summary>The value of every F16 bit pattern.</summary>
    public static readonly float* Table = MakeTable();

    /// <summary>A factor.</summary>
    public static float Read(byte* source) => Table[*(ushort*)source];

    /// <summary>Stores a factor, rounded to F16.</summary>
    public static void Write(byte* destination, float value) => *(Half*)destination = (Half)value;

    private static float* MakeTable()
    {
        float* table = (float*)NativeMemory.AlignedAlloc((ushort.MaxValue + 1) * sizeof(float), 64);
        for (int bits = 0; bits <= ushort.MaxValue; bits++)
            table[bits] = (float)BitConverter.UInt16BitsToHalf((ushort)bits);
        return table;
    }
}
