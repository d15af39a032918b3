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
        nint ahead = (nint)(w3 - w0) + (nint)(w1 - w0);
        TwoByOne(w0, w1, a, row, sums, ahead);
        TwoByOne(w2, w3, a, row, sums + 2, ahead);
    }

    public static void TwoByFour(byte* w0, byte* w1, in QuantizedRows a, int row, float* sums, int stride)
    {
        for (int i = 0; i < 4; i++)
            TwoByOne(w0, w1, a, row + i, sums + i * stride, 0);
    }

    // Prefetches what stands `ahead` bytes further: these rows' place in the next call.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void TwoByOne(byte* w0, byte* w1, in QuantizedRows a, int row, float* sums, nint ahead)
    {
        short* quants = a.Quants + (nint)row * a.Columns;
        float* scales = a.Scales + (nint)row * a.Groups, groupSums = a.Sums + (nint)row * a.Groups;
        float* end = scales + a.Groups;
        float* scales0 = stackalloc float[16], scales1 = stackalloc float[16], offsets = stackalloc float[16];
        Vector256<float> s0 = Vector256<float>.Zero, s1 = s0, shift0 = s0, shift1 = s0;
        for (; scales < end; scales += Groups, groupSums += Groups, quants += Size)
        {
            shift0 = Prepare(w0, scales, groupSums, scales0, offsets, shift0);
            shift1 = Prepare(w1, scales, groupSums, scales1, offsets, shift1);
            for (nint line = 0; line < TFormat.BlockBytes; line += 64)
            {
                Memory.Prefetch(w0 + ahead + line);
                Memory.Prefetch(w1 + ahead + line);
            }

            for (int half = 0; half < 2; half++)
            {
                s0 = AddMember(w0, half, 0, scales0, quants, s0);
                s1 = AddMember(w1, half, 0, scales1, quants, s1);
                s0 = AddMember(w0, half, 1, scales0, quants, s0);
                s1 = AddMember(w1, half, 1, scales1, quants, s1);
                s0 = AddMember(w0, half, 2, scales0, quants, s0);
                s1 = AddMember(w1, half, 2, scales1, quants, s1);
                s0 = AddMember(w0, half, 3, scales0, quants, s0);
                s1 = AddMember(w1, half, 3, scales1, quants, s1);
            }

            w0 += TFormat.BlockBytes;
            w1 += TFormat.BlockBytes;
        }

        sums[0] = Total(s0, shift0);
        sums[1] = Total(s1, shift1);
    }

    // Multiplies the scales of both factors, and adds what shifts or offsets take away to a sum of its own.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Prepare(
        byte* block, float* scales, float* groupSums, float* products, float* offsets, Vector256<float> shift)
    {
        TFormat.ReadFactors(block, products, offsets);
        for (int i = 0; i < Groups; i += 8)
        {
            Vector256<float> weightScales = Vector256.Load(products + i);
            (weightScales * Vector256.Load(scales + i)).Store(products + i);
            Vector256<float> lost = TFormat.HasOffsets ? Vector256.Load(offsets + i) : weightScales;
            shift = Vector256.MultiplyAddEstimate(lost, Vector256.Load(groupSums + i), shift);
        }

        return shift;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> AddMember(
        byte* block, int half, int member, float* products, short* quants, Vector256<float> sum)
    {
        int start = 128 * half + 32 * member;
        TFormat.LoadQuants(block, half, member, out Vector256<short> lower, out Vector256<short> upper);
        Vector256<int> first = Integers.MultiplyAddPairs(lower, Vector256.Load(quants + start));
        Vector256<int> second = Integers.MultiplyAddPairs(upper, Vector256.Load(quants + start + 16));
        float* scale = products + start / TFormat.GroupSize;
        if (TFormat.GroupSize == 32)
            return Vector256.MultiplyAddEstimate(Vector256.ConvertToSingle(first + second), Vector256.Create(*scale), sum);
        sum = Vector256.MultiplyAddEstimate(Vector256.ConvertToSingle(first), Vector256.Create(scale[0]), sum);
        return Vector256.MultiplyAddEstimate(Vector256.ConvertToSingle(second), Vector256.Create(scale[1]), sum);
    }

    private static float Total(Vector256<float> sum, Vector256<float> shift) =>
        Vector256.Sum(sum) - (TFormat.HasOffsets ? 1 : TFormat.Shift) * Vector256.Sum(shift);
}
