using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using MoA.Engine.Numerics;

namespace MoA.Engine.Kernels;

/// <summary>Products with blocks of 32 elements and one scale.</summary>
internal readonly unsafe struct SmallBlockKernel<TFormat> : QuantizedGemv.IKernel
    where TFormat : ISmallBlockFormat
{
    private const int Size = 32;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void FourByOne(byte* w0, byte* w1, byte* w2, byte* w3, in QuantizedRows a, int row, float* sums)
    {
        float* table = BlockScale.Table;
        short* quants = a.Quants + (nint)row * a.Columns;
        float* scales = a.Scales + (nint)row * a.Groups, groupSums = a.Sums + (nint)row * a.Groups;
        Vector256<float> s0 = Vector256<float>.Zero, s1 = s0, s2 = s0, s3 = s0;
        float shift0 = 0, shift1 = 0, shift2 = 0, shift3 = 0;
        int blocks = a.Groups;
        nint ahead = (nint)(w3 - w0) + (nint)(w1 - w0); // these rows' place in the next call
        for (nint block = 0; block < blocks; block++)
        {
            Vector256<short> lower = Vector256.Load(quants), upper = Vector256.Load(quants + Size / 2);
            float scale = scales[block];
            Memory.Prefetch(w0 + ahead);
            s0 = AddProducts(w0, lower, upper, table, scale, s0);
            Memory.Prefetch(w1 + ahead);
            s1 = AddProducts(w1, lower, upper, table, scale, s1);
            Memory.Prefetch(w2 + ahead);
            s2 = AddProducts(w2, lower, upper, table, scale, s2);
            Memory.Prefetch(w3 + ahead);
            s3 = AddProducts(w3, lower, upper, table, scale, s3);
            if (TFormat.Shift != 0)
            {
                float sum = groupSums[block];
                shift0 += table[*(ushort*)w0] * sum;
                shift1 += table[*(ushort*)w1] * sum;
                shift2 += table[*(ushort*)w2] * sum;
                shift3 += table[*(ushort*)w3] * sum;
            }

            w0 += TFormat.BlockBytes;
            w1 += TFormat.BlockBytes;
            w2 += TFormat.BlockBytes;
            w3 += TFormat.BlockBytes;
            quants += Size;
        }

        sums[0] = Vector256.Sum(s0) - TFormat.Shift * shift0;
        sums[1] = Vector256.Sum(s1) - TFormat.Shift * shift1;
        sums[2] = Vector256.Sum(s2) - TFormat.Shift * shift2;
        sums[3] = Vector256.Sum(s3) - TFormat.Shift * shift3;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void TwoByFour(byte* w0, byte* w1, in QuantizedRows a, int row, float* sums, int stride)
    {
        float* table = BlockScale.Table;
        nint columns = a.Columns, groups = a.Groups;
        short* quants = a.Quants + row * columns;
        float* scales = a.Scales + row * groups, end = scales + groups;
        Vector256<float> s00 = Vector256<float>.Zero, s01 = s00, s10 = s00, s11 = s00, s20 = s00, s21 = s00, s30 = s00, s31 = s00;
        for (; scales < end; scales++)
        {
            TFormat.LoadQuants(w0, out Vector256<short> lower0, out Vector256<short> upper0);
            TFormat.LoadQuants(w1, out Vector256<short> lower1, out Vector256<short> upper1);
            if (TFormat.Shift != 0)
            {
                Vector256<short> shift = Vector256.Create((short)TFormat.Shift);
                lower0 -= shift;
                upper0 -= shift;
                lower1 -= shift;
                upper1 -= shift;
            }

            Vector256<float> f0 = Vector256.Create(table[*(ushort*)w0]), f1 = Vector256.Create(table[*(ushort*)w1]);
            Vector256<float> scale = Vector256.Create(scales[0]);
            s00 = Vector256.MultiplyAddEstimate(Products(lower0, upper0, quants), f0 * scale, s00);
            s01 = Vector256.MultiplyAddEstimate(Products(lower1, upper1, quants), f1 * scale, s01);
            scale = Vector256.Create(scales[groups]);
            s10 = Vector256.MultiplyAddEstimate(Products(lower0, upper0, quants + columns), f0 * scale, s10);
            s11 = Vector256.MultiplyAddEstimate(Products(lower1, upper1, quants + columns), f1 * scale, s11);
            scale = Vector256.Create(scales[2 * groups]);
            s20 = Vector256.MultiplyAddEstimate(Products(lower0, upper0, quants + 2 * columns), f0 * scale, s20);
            s21 = Vector256.MultiplyAddEstimate(Products(lower1, upper1, quants + 2 * columns), f1 * scale, s21);
            scale = Vector256.Create(scales[3 * groups]);
            s30 = Vector256.MultiplyAddEstimate(Products(lower0, upper0, quants + 3 * columns), f0 * scale, s30);
            s31 = Vector256.MultiplyAddEstimate(Products(lower1, upper1, quants + 3 * columns), f1 * scale, s31);
            w0 += TFormat.BlockBytes;
            w1 += TFormat.BlockBytes;
            quants += Size;
        }

        sums[0] = Vector256.Sum(s00);
        sums[1] = Vector256.Sum(s01);
        sums[stride] = Vector256.Sum(s10);
        sums[stride + 1] = Vector256.Sum(s11);
        sums[2 * stride] = Vector256.Sum(s20);
        sums[2 * stride + 1] = Vector256.Sum(s21);
        sums[3 * stride] = Vector256.Sum(s30);
        sums[3 * stride + 1] = Vector256.Sum(s31);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> AddProducts(
        byte* block, Vector256<short> lower, Vector256<short> upper, float* table, float scale, Vector256<float> sum)
    {
        TFormat.LoadQuants(block, out Vector256<short> lowerQuants, out Vector256<short> upperQuants);
        Vector256<int> products =
            Integers.MultiplyAddPairs(lowerQuants, lower) + Integers.MultiplyAddPairs(upperQuants, upper);
        Vector256<float> scales = Vector256.Create(table[*(ushort*)block] * scale);
        return Vector256.MultiplyAddEstimate(Vector256.ConvertToSingle(products), scales, sum);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Products(Vector256<short> lower, Vector256<short> upper, short* quants) =>
        Vector256.ConvertToSingle(
            Integers.MultiplyAddPairs(lower, Vector256.Load(quants)) +
            Integers.MultiplyAddPairs(upper, Vector256.Load(quants + Size / 2)));
}
