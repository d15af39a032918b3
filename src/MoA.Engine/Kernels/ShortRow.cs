using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using MoA.Engine.Numerics;

namespace MoA.Engine.Kernels;

/// <summary>Rounds floats to 16-bit integers with a common scale.</summary>
internal static unsafe class ShortRow
{
    /// <summary>Writes round(x / scale) and returns the scale, by which the largest becomes <paramref name="magnitude"/>.</summary>
    /// <param name="x">Finite floats.</param>
    /// <param name="count">A multiple of 16.</param>
    /// <param name="magnitude">At most 32767.</param>
    /// <param name="quants">Room for as many.</param>
    [MethodImpl(JitOptions.Loop)]
    public static float Quantize(float* x, int count, int magnitude, short* quants)
    {
        Vector256<float> largest = Vector256<float>.Zero, other = largest;
        for (int i = 0; i < count; i += 16)
        {
            largest = Vector256.MaxNative(largest, Vector256.Abs(Vector256.Load(x + i)));
            other = Vector256.MaxNative(other, Vector256.Abs(Vector256.Load(x + i + 8)));
        }

        float scale = Simd256.MaxLane(Vector256.MaxNative(largest, other)) / magnitude;
        // Below the normal range the inverse would overflow; such a row counts as zero.
        Vector256<float> inverse = Vector256.Create(scale < 1e-37f ? 0 : 1 / scale);
        for (int i = 0; i < count; i += 16)
        {
            Vector256<int> lower = Round(Vector256.Load(x + i) * inverse), upper = Round(Vector256.Load(x + i + 8) * inverse);
            Vector256.Narrow(lower, upper).Store(quants + i);
        }

        return scale;
    }

    // To the nearest, by way of a number so large that fractions have no bits left.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> Round(Vector256<float> x)
    {
        Vector256<float> magic = Vector256.Create(12582912f);
        return (x + magic).AsInt32() - magic.AsInt32();
    }
}
