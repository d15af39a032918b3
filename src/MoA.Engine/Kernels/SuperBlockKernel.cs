using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using MoA.Engine.Numerics;

namespace MoA.Engine.Kernels;

/// <summary>
/// Products with blocks of 256 elements: the groups' scales of weight and activations are multiplied eight at a time, and
/// offsets cost one multiply-add for all groups, by way of the groups' sums.
/// </summary>
internal readonly unsafe struct SuperBlockKernel<TFormat> : QuantizedGemv.IKernel
    where TFormat : ISuperBlockFormat
{
    private const int Size = 256;

    private static int Groups
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Size / TFormat.GroupSize;
    }

    public static void FourByOne(byte* w0, byte* w1, byte* w2, byte* w3, in QuantizedRows a, int row, float* sums)
    {
        nint ahead = (nint)(w3 - w0) + (nint)(w1 - w0); // these rows' place in the next call
        TwoByOne(w0, w1, a, row, sums, ahead);
        TwoByOne(w2, w3, a, row, sums + 2, ahead);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void OneByFour(byte* w, in QuantizedRows a, int row, float* sums)
    {
        int blocks = a.Columns / Size;
        nint stride = (nint)blocks * Size, groupStride = (nint)blocks * Groups;
        short* quants = a.Quants + row * stride;
        float* scales = a.Scales + row * groupStride, groupSums = a.Sums + row * groupStride;
        float* weightScales = stackalloc float[16], offsets = stackalloc float[16], products = stackalloc float[64];
        Vector256<float> s0 = Vector256<float>.Zero, s1 = s0, s2 = s0, s3 = s0;
        Vector256<float> shift0 = s0, shift1 = s0, shift2 = s0, shift3 = s0;
        for (int block = 0; block < blocks; block++)
        {
            TFormat.ReadFactors(w, weightScales, offsets);
            shift0 = Prepare(weightScales, offsets, scales, groupSums, products, shift0);
            shift1 = Prepare(weightScales, offsets, scales + groupStride, groupSums + groupStride, products + 16, shift1);
            shift2 = Prepare(weightScales, offsets, scales + 2 * groupStride, groupSums + 2 * groupStride, products + 32, shift2);
            shift3 = Prepare(weightScales, offsets, scales + 3 * groupStride, groupSums + 3 * groupStride, products + 48, shift3);
            AddChunkToFour(w, 0, quants, stride, products, ref s0, ref s1, ref s2, ref s3);
            AddChunkToFour(w, 1, quants, stride, products, ref s0, ref s1, ref s2, ref s3);
            AddChunkToFour(w, 2, quants, stride, products, ref s0, ref s1, ref s2, ref s3);
            AddChunkToFour(w, 3, quants, stride, products, ref s0, ref s1, ref s2, ref s3);
            w += TFormat.BlockBytes;
            quants += Size;
            scales += Groups;
            groupSums += Groups;
        }

        sums[0] = Total(s0, shift0);
        sums[1] = Total(s1, shift1);
        sums[2] = Total(s2, shift2);
        sums[3] = Total(s3, shift3);
    }

    // Prefetches what stands `ahead` bytes further.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void TwoByOne(byte* w0, byte* w1, in QuantizedRows a, int row, float* sums, nint ahead)
    {
        int blocks = a.Columns / Size;
        nint start = (nint)row * blocks;
        short* quants = a.Quants + start * Size;
        float* scales = a.Scales + start * Groups, groupSums = a.Sums + start * Groups;
        float* weightScales = stackalloc float[16], offsets = stackalloc float[16];
        float* products0 = stackalloc float[16], products1 = stackalloc float[16];
        Vector256<float> s0 = Vector256<float>.Zero, s1 = s0, shift0 = s0, shift1 = s0;
        for (int block = 0; block < blocks; block++)
        {
            TFormat.ReadFactors(w0, weightScales, offsets);
            shift0 = Prepare(weightScales, offsets, scales, groupSums, products0, shift0);
            TFormat.ReadFactors(w1, weightScales, offsets);
            shift1 = Prepare(weightScales, offsets, scales, groupSums, products1, shift1);
            for (nint line = 0; line < TFormat.BlockBytes; line += 64)
            {
                Memory.Prefetch(w0 + ahead + line);
                Memory.Prefetch(w1 + ahead + line);
            }

            s0 = AddChunk(w0, 0, quants, products0, s0);
            s1 = AddChunk(w1, 0, quants, products1, s1);
            s0 = AddChunk(w0, 1, quants, products0, s0);
            s1 = AddChunk(w1, 1, quants, products1, s1);
            s0 = AddChunk(w0, 2, quants, products0, s0);
            s1 = AddChunk(w1, 2, quants, products1, s1);
            s0 = AddChunk(w0, 3, quants, products0, s0);
            s1 = AddChunk(w1, 3, quants, products1, s1);
            w0 += TFormat.BlockBytes;
            w1 += TFormat.BlockBytes;
            quants += Size;
            scales += Groups;
            groupSums += Groups;
        }

        sums[0] = Total(s0, shift0);
        sums[1] = Total(s1, shift1);
    }

    // Multiplies the scales of both factors, and adds what shifts or offsets take away to a sum of its own.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Prepare(
        float* weightScales, float* offsets, float* scales, float* groupSums, float* products, Vector256<float> shift)
    {
        for (int i = 0; i < Groups; i += 8)
        {
            Vector256<float> weight = Vector256.Load(weightScales + i);
            (weight * Vector256.Load(scales + i)).Store(products + i);
            Vector256<float> lost = TFormat.HasOffsets ? Vector256.Load(offsets + i) : weight;
            shift = Vector256.MultiplyAddEstimate(lost, Vector256.Load(groupSums + i), shift);
        }

        return shift;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> AddChunk(byte* block, int chunk, short* quants, float* products, Vector256<float> sum)
    {
        TFormat.Unpack(block, chunk, out Vector256<short> even0, out Vector256<short> odd0,
            out Vector256<short> even1, out Vector256<short> odd1);
        return AddChunk(even0, odd0, even1, odd1, chunk, quants, products, sum);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddChunkToFour(
        byte* block, int chunk, short* quants, nint stride, float* products, ref Vector256<float> s0,
        ref Vector256<float> s1, ref Vector256<float> s2, ref Vector256<float> s3)
    {
        TFormat.Unpack(block, chunk, out Vector256<short> even0, out Vector256<short> odd0,
            out Vector256<short> even1, out Vector256<short> odd1);
        s0 = AddChunk(even0, odd0, even1, odd1, chunk, quants, products, s0);
        s1 = AddChunk(even0, odd0, even1, odd1, chunk, quants + stride, products + 16, s1);
        s2 = AddChunk(even0, odd0, even1, odd1, chunk, quants + 2 * stride, products + 32, s2);
        s3 = AddChunk(even0, odd0, even1, odd1, chunk, quants + 3 * stride, products + 48, s3);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> AddChunk(
        Vector256<short> even0, Vector256<short> odd0, Vector256<short> even1, Vector256<short> odd1, int chunk,
        short* quants, float* products, Vector256<float> sum)
    {
        (int first, int second) = TFormat.Runs(chunk);
        sum = AddRun(even0, odd0, quants + first, products + first / TFormat.GroupSize, sum);
        return AddRun(even1, odd1, quants + second, products + second / TFormat.GroupSize, sum);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> AddRun(
        Vector256<short> even, Vector256<short> odd, short* quants, float* scales, Vector256<float> sum)
    {
        Vector256<int> products = Integers.MultiplyAddPairs(even, Vector256.Load(quants)) +
            Integers.MultiplyAddPairs(odd, Vector256.Load(quants + 16));
        // The lower half of either vector holds elements 0 to 15 of the run.
        Vector256<float> scale = TFormat.GroupSize == 32
            ? Vector256.Create(scales[0])
            : Vector256.Create(Vector128.Create(scales[0]), Vector128.Create(scales[1]));
        return Vector256.MultiplyAddEstimate(Vector256.ConvertToSingle(products), scale, sum);
    }

    private static float Total(Vector256<float> sum, Vector256<float> shift) =>
        Vector256.Sum(sum) - (TFormat.HasOffsets ? 1 : TFormat.Shift) * Vector256.Sum(shift);
}
