using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using MoA.Engine.Numerics;

namespace MoA.Engine.Kernels;

/// <summary>Products with Q8_0 blocks.</summary>
internal readonly unsafe struct KernelQ8 : QuantizedGemv.IKernel
{
    private const int Size = 32;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void FourByOne(byte* w0, byte* w1, byte* w2, byte* w3, in QuantizedRows a, int row, float* sums)
    {
        float* table = BlockScale.Table;
        short* quants = a.Quants + (nint)row * a.Units * QuantizedRows.Unit;
        float* scales = a.Scales + (nint)row * a.Units * 2, end = scales + a.Columns / Size;
        nint ahead = (nint)(w3 - w0) + (nint)(w1 - w0); // these rows' place in the next call
        Vector256<float> s0 = Vector256<float>.Zero, s1 = s0, s2 = s0, s3 = s0;
        for (; scales < end; scales++, quants += Size)
        {
            Vector256<short> lower = Vector256.Load(quants), upper = Vector256.Load(quants + Size / 2);
            float scale = *scales;
            Memory.Prefetch(w0 + ahead);
            s0 = AddProducts(w0, lower, upper, table, scale, s0);
            Memory.Prefetch(w1 + ahead);
            s1 = AddProducts(w1, lower, upper, table, scale, s1);
            Memory.Prefetch(w2 + ahead);
            s2 = AddProducts(w2, lower, upper, table, scale, s2);
            Memory.Prefetch(w3 + ahead);
            s3 = AddProducts(w3, lower, upper, table, scale, s3);
            w0 += BlockQ8.Bytes;
            w1 += BlockQ8.Bytes;
            w2 += BlockQ8.Bytes;
            w3 += BlockQ8.Bytes;
        }

        sums[0] = Vector256.Sum(s0);
        sums[1] = Vector256.Sum(s1);
        sums[2] = Vector256.Sum(s2);
        sums[3] = Vector256.Sum(s3);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void OneByFour(byte* w, in QuantizedRows a, int row, float* sums)
    {
        float* table = BlockScale.Table;
        nint stride = (nint)a.Units * QuantizedRows.Unit, scaleStride = (nint)a.Units * 2;
        short* q0 = a.Quants + row * stride, q1 = q0 + stride, q2 = q1 + stride, q3 = q2 + stride;
        float* scales = a.Scales + row * scaleStride, end = scales + a.Columns / Size;
        Vector256<float> s0 = Vector256<float>.Zero, s1 = s0, s2 = s0, s3 = s0;
        for (nint i = 0; scales < end; scales++, i += Size, w += BlockQ8.Bytes)
        {
            BlockQ8.LoadQuants(w, out Vector256<short> lower, out Vector256<short> upper);
            float scale = table[*(ushort*)w];
            s0 = AddProducts(lower, upper, q0 + i, scale * scales[0], s0);
            s1 = AddProducts(lower, upper, q1 + i, scale * scales[scaleStride], s1);
            s2 = AddProducts(lower, upper, q2 + i, scale * scales[2 * scaleStride], s2);
            s3 = AddProducts(lower, upper, q3 + i, scale * scales[3 * scaleStride], s3);
        }

        sums[0] = Vector256.Sum(s0);
        sums[1] = Vector256.Sum(s1);
        sums[2] = Vector256.Sum(s2);
        sums[3] = Vector256.Sum(s3);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> AddProducts(
        byte* block, Vector256<short> lower, Vector256<short> upper, float* table, float scale, Vector256<float> sum)
    {
        BlockQ8.LoadQuants(block, out Vector256<short> lowerQuants, out Vector256<short> upperQuants);
        Vector256<int> products =
            Integers.MultiplyAddPairs(lowerQuants, lower) + Integers.MultiplyAddPairs(upperQuants, upper);
        Vector256<float> scales = Vector256.Create(table[*(ushort*)block] * scale);
        return Vector256.MultiplyAddEstimate(Vector256.ConvertToSingle(products), scales, sum);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> AddProducts(
        Vector256<short> lower, Vector256<short> upper, short* quants, float scale, Vector256<float> sum)
    {
        Vector256<int> products = Integers.MultiplyAddPairs(lower, Vector256.Load(quants)) +
            Integers.MultiplyAddPairs(upper, Vector256.Load(quants + Size / 2));
        return Vector256.MultiplyAddEstimate(Vector256.ConvertToSingle(products), Vector256.Create(scale), sum);
    }
}
