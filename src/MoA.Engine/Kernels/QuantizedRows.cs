using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using MoA.Engine.Numerics;

namespace MoA.Engine.Kernels;

/// <summary>
/// Rows of activations as 16-bit integers with a scale for each group, so that products with quantised weights run in
/// integers. Multiplying 16-bit lanes takes no longer than 8-bit ones, which must be widened in between, and an error of
/// 2^-16 of the group's largest value vanishes beside that of the weights.
/// </summary>
internal readonly unsafe struct QuantizedRows
{
    private const int Largest = 32767;

    /// <summary>Quantises <paramref name="rows"/> × <paramref name="columns"/> floats into shared scratch memory.</summary>
    /// <param name="x">Dense rows.</param>
    /// <param name="rows">Rows.</param>
    /// <param name="columns">A multiple of 32.</param>
    /// <param name="groupSize">Elements that share a scale: 16 or 32, as in the weight.</param>
    /// <param name="scratch">Where they are kept until the next use of the shared memory.</param>
    public QuantizedRows(float* x, int rows, int columns, int groupSize, WorkerScratch scratch)
    {
        Columns = columns;
        Groups = columns / groupSize;
        nint groups = (nint)rows * Groups;
        Scales = scratch.Shared((long)rows * columns / 2 + 2 * groups);
        Sums = Scales + groups;
        Quants = (short*)(Sums + groups);
        for (nint group = 0; group < groups; group++, x += groupSize)
            Quantize(x, groupSize, Quants + group * groupSize, out Scales[group], out Sums[group]);
    }

    public int Columns { get; }

    /// <summary>Groups of a row.</summary>
    public int Groups { get; }

    /// <summary>[rows, columns].</summary>
    public short* Quants { get; }

    /// <summary>[rows, groups].</summary>
    public float* Scales { get; }

    /// <summary>[rows, groups]: sums of the groups' values.</summary>
    public float* Sums { get; }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Quantize(float* x, int count, short* quants, out float scale, out float sum)
    {
        Vector256<float> largest = Vector256<float>.Zero;
        for (int i = 0; i < count; i += 8)
            largest = Vector256.MaxNative(largest, Vector256.Abs(Vector256.Load(x + i)));
        scale = Simd256.MaxLane(largest) / Largest;
        // Below the normal range the inverse would overflow; such a group counts as zero.
        Vector256<float> inverse = Vector256.Create(scale < 1e-37f ? 0 : 1 / scale);
        Vector256<int> total = Vector256<int>.Zero;
        for (int i = 0; i < count; i += 16)
        {
            Vector256<int> lower = Round(Vector256.Load(x + i) * inverse), upper = Round(Vector256.Load(x + i + 8) * inverse);
            Vector256.Narrow(lower, upper).Store(quants + i);
            total += lower + upper;
        }

        sum = scale * Vector256.Sum(total);
    }

    // To the nearest, by way of a number so large that fractions have no bits left.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> Round(Vector256<float> x)
    {
        Vector256<float> magic = Vector256.Create(12582912f);
        return (x + magic).AsInt32() - magic.AsInt32();
    }
}
