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
        int whole = a.Columns / Unit;
        Vector256<float> s0 = Vector256<float>.Zero, s1 = s0, s2 = s0, s3 = s0;
        for (int unit = 0; unit < whole; unit++)
        {
            Memory.Prefetch(w0 + ahead);
            s0 = AddProducts(w0, w0 + BlockQ4.Bytes, quants, corrections, table, scales, s0);
            w0 += 2 * BlockQ4.Bytes;
            Memory.Prefetch(w1 + ahead);
            s1 = AddProducts(w1, w1 + BlockQ4.Bytes, quants, corrections, table, scales, s1);
            w1 += 2 * BlockQ4.Bytes;
            Memory.Prefetch(w2 + ahead);
            s2 = AddProducts(w2, w2 + BlockQ4.Bytes, quants, corrections, table, scales, s2);
            w2 += 2 * BlockQ4.Bytes;
            Memory.Prefetch(w3 + ahead);
            s3 = AddProducts(w3, w3 + BlockQ4.Bytes, quants, corrections, table, scales, s3);
            w3 += 2 * BlockQ4.Bytes;
            quants += Unit;
            corrections += 8;
            scales += 8;
        }

        if (whole < a.Units)
        {
            // The last of an odd number of blocks: what stands beside it meets zeros, so it may be the block itself.
            s0 = AddProducts(w0, w0, quants, corrections, table, scales, s0);
            s1 = AddProducts(w1, w1, quants, corrections, table, scales, s1);
            s2 = AddProducts(w2, w2, quants, corrections, table, scales, s2);
            s3 = AddProducts(w3, w3, quants, corrections, table, scales, s3);
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
            Vector256<short> packed = BlockQ4.LoadTwo(w, w + next);
            Vector256<short> v0 = BlockQ4.Quarter(packed, 0), v1 = BlockQ4.Quarter(packed, 1);
            Vector256<short> v2 = BlockQ4.Quarter(packed, 2), v3 = BlockQ4.Quarter(packed, 3);
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
        // Each quarter is used as soon as it is unpacked: sixteen registers hold no more.
        Vector256<short> packed = BlockQ4.LoadTwo(block, next);
        Vector256<int> first = Vector256.Load(corrections) +
            Integers.MultiplyAddPairs(BlockQ4.Quarter(packed, 0), Vector256.Load(quants));
        Vector256<int> second = Integers.MultiplyAddPairs(BlockQ4.Quarter(packed, 3), Vector256.Load(quants + 48));
        first += Integers.MultiplyAddPairs(BlockQ4.Quarter(packed, 1), Vector256.Load(quants + 16));
        second += Integers.MultiplyAddPairs(BlockQ4.Quarter(packed, 2), Vector256.Load(quants + 32));
        Vector256<float> products = Vector256.ConvertToSingle(first + second);
        return Vector256.MultiplyAddEstimate(products, Scales(block, next, table) * Vector256.Load(scales), sum);
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
