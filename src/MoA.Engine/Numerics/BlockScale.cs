using System.Runtime.CompilerServices;

namespace MoA.Engine.Numerics;

/// <summary>The F16 factors inside quantised blocks.</summary>
internal static unsafe class BlockScale
{
    // Exponent and mantissa move into place, where the exponent is 112 too small; multiplying by 2^112 mends that and
    // normalises subnormals on the way. Several times faster than the conversion of Half, and there is one in every block.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Read(byte* source)
    {
        uint bits = *(ushort*)source;
        return BitConverter.UInt32BitsToSingle(((bits & 0x7FFF) << 13) | ((bits & 0x8000) << 16)) * 5.192296858534828e33f;
    }

    public static void Write(byte* destination, float value) => *(Half*)destination = (Half)value;
}
