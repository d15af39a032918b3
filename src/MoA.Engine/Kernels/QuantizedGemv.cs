using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using MoA.Engine.Models;
using MoA.Engine.Numerics;

namespace MoA.Engine.Kernels;

/// <summary>
/// Product of a quantised weight with few quantised rows, C[m, n] (+)= A[m, k]·W': integer products within a group of
/// 32, scaled and added up in floats. Two weight rows by one or four rows of A at a time: unpacked weights serve several
/// rows of A, and independent sums hide the latency of each other's additions.
/// </summary>
internal static unsafe class QuantizedGemv<TFormat>
    where TFormat : IBlockFormat
{
    /// <summary>Computes columns <paramref name="first"/> to <paramref name="last"/> − 1 of C.</summary>
    public static void Multiply(
        in QuantizedRows a, int rows, WeightTensor weight, int first, int last, float* c, bool accumulate)
    {
        int blocks = weight.Columns / (TFormat.Groups * IBlockFormat.GroupSize);
        float* sums = stackalloc float[8];
        for (int n = first; n < last; n += 2)
        {
            byte* w0 = weight.Row(n);
            bool alone = n + 1 == last;
            byte* w1 = alone ? w0 : weight.Row(n + 1);
            for (int m = 0; m < rows;)
            {
                short* quants = a.Quants + (nint)m * a.Columns;
                float* scales = a.Scales + (nint)m * a.Groups, groupSums = a.Sums + (nint)m * a.Groups;
                int count = rows - m >= 4 ? 4 : 1;
                if (count == 4)
                    TwoByFour(w0, w1, blocks, quants, scales, groupSums, a.Columns, sums);
                else
                    TwoByOne(w0, w1, blocks, quants, scales, groupSums, sums);
                for (int i = 0; i < count; i++, m++)
                {
                    float* to = c + (nint)m * weight.Rows + n;
                    to[0] = accumulate ? to[0] + sums[2 * i] : sums[2 * i];
                    if (!alone)
                        to[1] = accumulate ? to[1] + sums[2 * i + 1] : sums[2 * i + 1];
                }
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void TwoByOne(
        byte* w0, byte* w1, int blocks, short* quants, float* scales, float* groupSums, float* sums)
    {
        float* scales0 = stackalloc float[8], scales1 = stackalloc float[8];
        float* offsets0 = stackalloc float[8], offsets1 = stackalloc float[8];
        Vector256<float> s0 = Vector256<float>.Zero, s1 = s0;
        for (int block = 0; block < blocks; block++)
        {
            TFormat.ReadFactors(w0, scales0, offsets0);
            TFormat.ReadFactors(w1, scales1, offsets1);
            for (int half = 0; half < Math.Max(1, TFormat.Groups / 4); half++)
            {
                s0 = AddGroup(w0, half, 0, scales0, quants, scales, s0);
                s1 = AddGroup(w1, half, 0, scales1, quants, scales, s1);
                if (TFormat.Groups == 8)
                {
                    s0 = AddGroup(w0, half, 1, scales0, quants, scales, s0);
                    s1 = AddGroup(w1, half, 1, scales1, quants, scales, s1);
                    s0 = AddGroup(w0, half, 2, scales0, quants, scales, s0);
                    s1 = AddGroup(w1, half, 2, scales1, quants, scales, s1);
                    s0 = AddGroup(w0, half, 3, scales0, quants, scales, s0);
                    s1 = AddGroup(w1, half, 3, scales1, quants, scales, s1);
                }
            }

            if (TFormat.HasOffsets)
            {
                Vector256<float> negativeSums = -Vector256.Load(groupSums);
                s0 = Vector256.MultiplyAddEstimate(negativeSums, Vector256.Load(offsets0), s0);
                s1 = Vector256.MultiplyAddEstimate(negativeSums, Vector256.Load(offsets1), s1);
            }

            w0 += TFormat.BlockBytes;
            w1 += TFormat.BlockBytes;
            quants += TFormat.Groups * IBlockFormat.GroupSize;
            scales += TFormat.Groups;
            groupSums += TFormat.Groups;
        }

        sums[0] = Vector256.Sum(s0);
        sums[1] = Vector256.Sum(s1);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> AddGroup(
        byte* block, int half, int member, float* weightScales, short* quants, float* scales, Vector256<float> sum)
    {
        int group = 4 * half + member;
        TFormat.LoadQuants(block, half, member, out Vector256<short> lower, out Vector256<short> upper);
        Vector256<int> products = Products(lower, upper, quants + group * IBlockFormat.GroupSize);
        float scale = TFormat.Scale(block, weightScales, group) * scales[group];
        return Vector256.MultiplyAddEstimate(Vector256.ConvertToSingle(products), Vector256.Create(scale), sum);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> Products(Vector256<short> lower, Vector256<short> upper, short* quants) =>
        Integers.MultiplyAddPairs(lower, Vector256.Load(quants)) +
        Integers.MultiplyAddPairs(upper, Vector256.Load(quants + IBlockFormat.GroupSize / 2));

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void TwoByFour(
        byte* w0, byte* w1, int blocks, short* quants, float* scales, float* groupSums, int columns, float* sums)
    {
        float* scales0 = stackalloc float[8], scales1 = stackalloc float[8];
        float* offsets0 = stackalloc float[8], offsets1 = stackalloc float[8];
        nint groups = columns / IBlockFormat.GroupSize;
        Vector256<float> s00 = Vector256<float>.Zero, s01 = s00, s10 = s00, s11 = s00, s20 = s00, s21 = s00, s30 = s00, s31 = s00;
        for (int block = 0; block < blocks; block++)
        {
            TFormat.ReadFactors(w0, scales0, offsets0);
            TFormat.ReadFactors(w1, scales1, offsets1);
            for (int group = 0; group < TFormat.Groups; group++)
            {
                LoadAnyGroup(w0, group, out Vector256<short> l0, out Vector256<short> u0);
                LoadAnyGroup(w1, group, out Vector256<short> l1, out Vector256<short> u1);
                Vector256<float> f0 = Vector256.Create(TFormat.Scale(w0, scales0, group));
                Vector256<float> f1 = Vector256.Create(TFormat.Scale(w1, scales1, group));
                short* q = quants + group * IBlockFormat.GroupSize;
                float* s = scales + group;
                AddProducts(l0, u0, l1, u1, q, f0, f1, s[0], ref s00, ref s01);
                AddProducts(l0, u0, l1, u1, q + columns, f0, f1, s[groups], ref s10, ref s11);
                AddProducts(l0, u0, l1, u1, q + 2 * (nint)columns, f0, f1, s[2 * groups], ref s20, ref s21);
                AddProducts(l0, u0, l1, u1, q + 3 * (nint)columns, f0, f1, s[3 * groups], ref s30, ref s31);
            }

            if (TFormat.HasOffsets)
            {
                Vector256<float> o0 = -Vector256.Load(offsets0), o1 = -Vector256.Load(offsets1);
                AddOffsets(groupSums, o0, o1, ref s00, ref s01);
                AddOffsets(groupSums + groups, o0, o1, ref s10, ref s11);
                AddOffsets(groupSums + 2 * groups, o0, o1, ref s20, ref s21);
                AddOffsets(groupSums + 3 * groups, o0, o1, ref s30, ref s31);
            }

            w0 += TFormat.BlockBytes;
            w1 += TFormat.BlockBytes;
            quants += TFormat.Groups * IBlockFormat.GroupSize;
            scales += TFormat.Groups;
            groupSums += TFormat.Groups;
        }

        sums[0] = Vector256.Sum(s00);
        sums[1] = Vector256.Sum(s01);
        sums[2] = Vector256.Sum(s10);
        sums[3] = Vector256.Sum(s11);
        sums[4] = Vector256.Sum(s20);
        sums[5] = Vector256.Sum(s21);
        sums[6] = Vector256.Sum(s30);
        sums[7] = Vector256.Sum(s31);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void LoadAnyGroup(byte* block, int group, out Vector256<short> lower, out Vector256<short> upper) =>
        TFormat.LoadQuants(block, group / 4, group % 4, out lower, out upper);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddProducts(
        Vector256<short> l0, Vector256<short> u0, Vector256<short> l1, Vector256<short> u1, short* quants,
        Vector256<float> f0, Vector256<float> f1, float scale, ref Vector256<float> s0, ref Vector256<float> s1)
    {
        Vector256<float> scales = Vector256.Create(scale);
        s0 = Vector256.MultiplyAddEstimate(Vector256.ConvertToSingle(Products(l0, u0, quants)) * f0, scales, s0);
        s1 = Vector256.MultiplyAddEstimate(Vector256.ConvertToSingle(Products(l1, u1, quants)) * f1, scales, s1);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddOffsets(
        float* groupSums, Vector256<float> o0, Vector256<float> o1, ref Vector256<float> s0, ref Vector256<float> s1)
    {
        Vector256<float> sums = Vector256.Load(groupSums);
        s0 = Vector256.MultiplyAddEstimate(sums, o0, s0);
        s1 = Vector256.MultiplyAddEstimate(sums, o1, s1);
    }
}
