using System.Runtime.CompilerServices;

namespace MoA.Engine.Numerics;

/// <summary>
/// The F16 factors inside quantised blocks. There is one in every few bytes, and .NET's conversion of Half would take as
/// long as the rest of the block.
/// </summary>
internal static unsafe class BlockScale
{
    /// <summary>2^112, by which <see cref="ReadSmall"/> is too small.</summary>
    public const float Correction = 5.192296858534828e33f;

    /// <summary>
    /// A factor divided by 2^112: exponent and mantissa moved into their places in a float, whose exponents begin 112
    /// lower. Exact, for subnormal numbers too.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float ReadSmall(byte* source) =>
        BitConverter.UInt32BitsToSingle(((uint)*(short*)source << 13) & 0x8FFF_E000);

    /// <summary>A factor.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Read(byte* source) => ReadSmall(source) * Correction;

    /// <summary>Stores a factor, rounded to F16.</summary>
    public static void Write(byte* destination, float value) => *(Half*)destination = (Half)value;
}
