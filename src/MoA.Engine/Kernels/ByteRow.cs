using System.Runtime.Intrinsics;

namespace MoA.Engine.Kernels;

/// <summary>
/// Rounds floats to bytes with a common scale. For products with weights of four to six bits, whose own rounding is many
/// times coarser; bytes are multiplied twice as many at a time as 16-bit integers, and as the weights are unpacked.
/// </summary>
internal static unsafe class ByteRow
{
    private const int Largest = 127;

    /// <summary>Writes round(x / scale) and returns the scale, by which the largest becomes 127.</summary>
    /// <param name="x">Finite floats.</param>
    /// <param name="count">16 or 32.</param>
    /// <param name="quants">Room for as many.</param>
    public static float Quantize(float* x, int count, sbyte* quants)
    {
        short* rounded = stackalloc short[32];
        float scale = ShortRow.Quantize(x, count, Largest, rounded);
        for (int i = 0; i < count; i += 16)
            Vector128.Narrow(Vector128.Load(rounded + i), Vector128.Load(rounded + i + 8)).Store(quants + i);
        return scale;
    }
}
