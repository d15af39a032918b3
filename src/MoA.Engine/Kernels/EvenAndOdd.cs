using System.Runtime.CompilerServices;
using MoA.Engine.Numerics;

namespace MoA.Engine.Kernels;

/// <summary>
/// The order in which rows are widened with least work: of every two vectors of elements those at even places come first,
/// then those at odd ones.
/// </summary>
internal static unsafe class EvenAndOdd
{
    /// <summary>Brings <paramref name="from"/>, times <paramref name="scale"/>, into this order.</summary>
    [MethodImpl(JitOptions.Loop)]
    public static void Separate(float* from, float* to, int count, int width, float scale)
    {
        for (float* end = to + count; to < end; to += 2 * width, from += 2 * width)
        {
            for (int i = 0; i < width; i++)
            {
                to[i] = from[2 * i] * scale;
                to[i + width] = from[2 * i + 1] * scale;
            }
        }
    }

    /// <summary>
    /// Brings <paramref name="from"/>, which is in this order, back into that of its elements, times <paramref name="scale"/>.
    /// </summary>
    [MethodImpl(JitOptions.Loop)]
    public static void Join(float* from, float* to, int count, int width, float scale)
    {
        for (float* end = to + count; to < end; to += 2 * width, from += 2 * width)
        {
            for (int i = 0; i < width; i++)
            {
                to[2 * i] = from[i] * scale;
                to[2 * i + 1] = from[i + width] * scale;
            }
        }
    }
}
