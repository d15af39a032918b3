using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
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
        Vector128<float> scales = Vector128.Create(scale);
        for (float* end = to + count; to < end; to += 2 * width, from += 2 * width)
        {
            int i = 0;
            for (; i <= width - 4; i += 4)
            {
                Vector128<ulong> a = Vector128.Load((ulong*)(from + 2 * i)), b = Vector128.Load((ulong*)(from + 2 * i + 4));
                (Vector128.Narrow(a, b).AsSingle() * scales).Store(to + i);
                (Vector128.Narrow(a >>> 32, b >>> 32).AsSingle() * scales).Store(to + i + width);
            }

            for (; i < width; i++)
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
        Vector128<float> scales = Vector128.Create(scale);
        for (float* end = to + count; to < end; to += 2 * width, from += 2 * width)
        {
            int i = 0;
            for (; i <= width - 4; i += 4)
            {
                Vector128<uint> even = (Vector128.Load(from + i) * scales).AsUInt32(), odd = (Vector128.Load(from + i + width) * scales).AsUInt32();
                (Vector128.WidenLower(even) | (Vector128.WidenLower(odd) << 32)).Store((ulong*)(to + 2 * i));
                (Vector128.WidenUpper(even) | (Vector128.WidenUpper(odd) << 32)).Store((ulong*)(to + 2 * i + 4));
            }

            for (; i < width; i++)
            {
                to[2 * i] = from[i] * scale;
                to[2 * i + 1] = from[i + width] * scale;
            }
        }
    }
}
