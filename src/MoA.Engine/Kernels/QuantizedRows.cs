using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using MoA.Engine.Numerics;

namespace MoA.Engine.Kernels;

/// <summary>
/// Rows of activations as 16-bit integers with a scale for each group of 32, so that products with quantised weights run
/// in integers. The multiply-add of 16-bit lanes takes no longer than that of 8-bit ones where both must be widened, and
/// an error of 2^-16 of the group's largest value vanishes beside that of the weights.
/// </summary>
internal readonly unsafe struct QuantizedRows
{
    private const int Largest = 32767;
    private const int GroupSize = IBlockFormat.GroupSize;

    /// <summary>Quantises <paramref name="rows"/> × <paramref name="columns"/> floats into shared scratch memory.</summary>
    public QuantizedRows(float* x, int rows, int columns, WorkerScratch scratch)
    {
        Columns = columns;
        Groups = columns / GroupSize;
        long quants = (long)rows * columns;
        Scales = scratch.Shared(quants / 2 + 2L * rows * Groups);
        Sums = Scales + (nint)rows * Groups;
        Quants = (short*)(Sums + (nint)rows * Groups);
        for (nint group = 0; group < (nint)rows * Groups; group++)
            Quantize(x + group * GroupSize, Quants + group * GroupSize, out Scales[group], out Sums[group]);
    }

    public int Columns { get; }

    /// <summary>Groups of a row.</summary>
    public int Groups { get; }

    /// <summary>[rows, columns].</summary>
    public short* Quants { get; }

    /// <summary>[rows, groups].</summary>
    public float* Scales { get; }

    /// <summary>[rows, groups]: sums of the groups' values as quantised.</summary>
    public float* Sums { get; }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Quantize(float* x, short* quants, out float scale, out float sum)
    {
        Vector256<float> a = Vector256.Load(x), b = Vector256.Load(x + 8), c = Vector256.Load(x + 16), d = Vector256.Load(x + 24);
        Vector256<float> largest = Vector256.MaxNative(
            Vector256.MaxNative(Vector256.Abs(a), Vector256.Abs(b)), Vector256.MaxNative(Vector256.Abs(c), Vector256.Abs(d)));
        float most = Simd256.MaxLane(largest);
        scale = most / Largest;
        // Below the normal range the inverse would overflow; such a group counts as zero.
        Vector256<float> inverse = Vector256.Create(scale < 1e-37f ? 0 : 1 / scale);
        Vector256<int> ia = Round(a * inverse), ib = Round(b * inverse), ic = Round(c * inverse), id = Round(d * inverse);
        Vector256.Narrow(ia, ib).Store(quants);
        Vector256.Narrow(ic, id).Store(quants + 16);
        sum = scale * Vector256.Sum(ia + ib + ic + id);
    }

    // To the nearest, by way of a number so large that fractions have no bits left.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> Round(Vector256<float> x)
    {
        Vector256<float> magic = Vector256.Create(12582912f);
        return (x + magic).AsInt32() - magic.AsInt32();
    }
}
