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
    public static void TwoByOne(byte* w0, byte* w1, in QuantizedRows a, int row, float* sums)
    {
        short* quants = a.Quants + (nint)row * a.Columns;
        float* scales = a.Scales + (nint)row * a.Groups, groupSums = a.Sums + (nint)row * a.Groups;
        Vector256<float> s0 = Vector256<float>.Zero, s1 = s0;
        float shift0 = 0, shift1 = 0;
        int blocks = a.Groups;
        for (nint block = 0; block < blocks; block++)
        {
            Vector256<short> lower = Vector256.Load(quants), upper = Vector256.Load(quants + Size / 2);
            float scale = BlockScale.ReadSmall(w0);
            s0 = Vector256.MultiplyAddEstimate(
                Products(w0, lower, upper), Vector256.Create(scale * scales[block]), s0);
            if (TFormat.Shift != 0)
                shift0 = float.MultiplyAddEstimate(scale, groupSums[block], shift0);
            scale = BlockScale.ReadSmall(w1);
            s1 = Vector256.MultiplyAddEstimate(
                Products(w1, lower, upper), Vector256.Create(scale * scales[block]), s1);
            if (TFormat.Shift != 0)
                shift1 = float.MultiplyAddEstimate(scale, groupSums[block], shift1);
            w0 += TFormat.BlockBytes;
            w1 += TFormat.BlockBytes;
            quants += Size;
        }

        sums[0] = Vector256.Sum(s0) - TFormat.Shift * shift0;
        sums[1] = Vector256.Sum(s1) - TFormat.Shift * shift1;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void TwoByFour(byte* w0, byte* w1, in QuantizedRows a, int row, float* sums)
    {
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

            Vector256<float> f0 = Vector256.Create(BlockScale.ReadSmall(w0)), f1 = Vector256.Create(BlockScale.ReadSmall(w1));
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
        sums[2] = Vector256.Sum(s10);
        sums[3] = Vector256.Sum(s11);
        sums[4] = Vector256.Sum(s20);
        sums[5] = Vector256.Sum(s21);
        sums[6] = Vector256.Sum(s30);
        sums[7] = Vector256.Sum(s31);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Products(byte* block, Vector256<short> lower, Vector256<short> upper)
    {
        TFormat.LoadQuants(block, out Vector256<short> lowerQuants, out Vector256<short> upperQuants);
        return Vector256.ConvertToSingle(
            Integers.MultiplyAddPairs(lowerQuants, lower) + Integers.MultiplyAddPairs(upperQuants, upper));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Products(Vector256<short> lower, Vector256<short> upper, short* quants) =>
        Vector256.ConvertToSingle(
            Integers.MultiplyAddPairs(lower, Vector256.Load(quants)) +
            Integers.MultiplyAddPairs(upper, Vector256.Load(quants + Size / 2)));
}
