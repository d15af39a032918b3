using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using MoA.Engine.Numerics;

namespace MoA.Engine.Kernels;

/// <summary>
/// Products with Q4_0 blocks, two at a time: one in each half of the vectors, so that conversion and scaling serve both.
/// What the quants are shifted by is taken off the integer sums.
/// </summary>
internal readonly unsafe struct KernelQ4 : QuantizedGemv.IKernel
{
    private const int Unit = QuantizedRows.Unit;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void FourByOne(byte* w0, byte* w1, byte* w2, byte* w3, in QuantizedRows a, int row, float* sums)
    {
        float* table = BlockScale.Table;
        nint start = (nint)row * a.Units;
        short* quants = a.Quants + start * Unit;
        float* scales = a.Scales + start * 8;
        int* corrections = (int*)a.Sums + start * 8;
        nint ahead = (nint)(w3 - w0) + (nint)(w1 - w0); // these rows' place in the next call
        // The last unit of an odd number of blocks meets zeros in its second half; any block will do there.
        nint next = BlockQ4.Bytes;
        Vector256<float> s0 = Vector256<float>.Zero, s1 = s0, s2 = s0, s3 = s0;
        for (int unit = 1; unit <= a.Units; unit++)
        {
            if (unit * Unit > a.Columns)
                next = 0;
            Memory.Prefetch(w0 + ahead);
            s0 = AddProducts(w0, w0 + next, quants, corrections, table, scales, s0);
            Memory.Prefetch(w1 + ahead);
            s1 = AddProducts(w1, w1 + next, quants, corrections, table, scales, s1);
            Memory.Prefetch(w2 + ahead);
            s2 = AddProducts(w2, w2 + next, quants, corrections, table, scales, s2);
            Memory.Prefetch(w3 + ahead);
            s3 = AddProducts(w3, w3 + next, quants, corrections, table, scales, s3);
            w0 += 2 * BlockQ4.Bytes;
            w1 += 2 * BlockQ4.Bytes;
            w2 += 2 * BlockQ4.Bytes;
            w3 += 2 * BlockQ4.Bytes;
            quants += Unit;
            corrections += 8;
            scales += 8;
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
        nint start = (nint)row * a.Units, stride = a.Units;
        short* quants = a.Quants + start * Unit;
        float* scales = a.Scales + start * 8;
        int* corrections = (int*)a.Sums + start * 8;
        nint next = BlockQ4.Bytes;
        Vector256<float> s0 = Vector256<float>.Zero, s1 = s0, s2 = s0, s3 = s0;
        for (int unit = 1; unit <= a.Units; unit++)
        {
            if (unit * Unit > a.Columns)
                next = 0;
            BlockQ4.UnpackTwo(w, w + next, out Vector256<short> v0, out Vector256<short> v1,
                out Vector256<short> v2, out Vector256<short> v3);
            Vector256<float> f = Scales(w, w + next, table);
            s0 = AddProducts(v0, v1, v2, v3, quants, corrections, f, scales, s0);
            s1 = AddProducts(v0, v1, v2, v3, quants + stride * Unit, corrections + 8 * stride, f,
                scales + 8 * stride, s1);
            s2 = AddProducts(v0, v1, v2, v3, quants + 2 * stride * Unit, corrections + 16 * stride, f,
                scales + 16 * stride, s2);
            s3 = AddProducts(v0, v1, v2, v3, quants + 3 * stride * Unit, corrections + 24 * stride, f,
                scales + 24 * stride, s3);
            w += 2 * BlockQ4.Bytes;
            quants += Unit;
            corrections += 8;
            scales += 8;
        }

        sums[0] = Vector256.Sum(s0);
        sums[1] = Vector256.Sum(s1);
        sums[2] = Vector256.Sum(s2);
        sums[3] = Vector256.Sum(s3);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> AddProducts(
        byte* block, byte* next, short* quants, int* corrections, float* table, float* scales, Vector256<float> sum)
    {
        BlockQ4.UnpackTwo(block, next, out Vector256<short> v0, out Vector256<short> v1,
            out Vector256<short> v2, out Vector256<short> v3);
        return AddProducts(v0, v1, v2, v3, quants, corrections, Scales(block, next, table), scales, sum);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> AddProducts(
        Vector256<short> v0, Vector256<short> v1, Vector256<short> v2, Vector256<short> v3, short* quants,
        int* corrections, Vector256<float> weightScales, float* scales, Vector256<float> sum)
    {
        Vector256<int> first = Integers.MultiplyAddPairs(v0, Vector256.Load(quants)) +
            Integers.MultiplyAddPairs(v1, Vector256.Load(quants + 16));
        Vector256<int> second = Integers.MultiplyAddPairs(v2, Vector256.Load(quants + 32)) +
            Integers.MultiplyAddPairs(v3, Vector256.Load(quants + 48));
        Vector256<int> products = first + Vector256.Load(corrections) + second;
        return Vector256.MultiplyAddEstimate(
            Vector256.ConvertToSingle(products), weightScales * Vector256.Load(scales), sum);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Scales(byte* block, byte* next, float* table) =>
        Vector256.Create(Vector128.Create(table[*(ushort*)block]), Vector128.Create(table[*(ushort*)next]));
}
