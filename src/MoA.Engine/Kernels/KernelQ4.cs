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
        Vector256<short> mask = Vector256.Create((short)15);
        nint start = (nint)row * a.Units;
        short* quants = a.Quants + start * Unit;
        float* scales = a.Scales + start * 8;
        nint corrections = (nint)((byte*)a.Sums - (byte*)a.Scales);
        int whole = a.Columns / Unit;
        nint end = (nint)whole * 2 * BlockQ4.Bytes;
        // What the next call reads follows these four rows: asked for in order, as much in each turn as the turn reads.
        byte* ahead = w3 + (nint)(w1 - w0);
        Vector256<float> s0 = Vector256<float>.Zero, s1 = s0, s2 = s0, s3 = s0;
        for (nint at = 0; at < end; at += 2 * BlockQ4.Bytes)
        {
            Memory.Prefetch(ahead);
            Memory.Prefetch(ahead + 64);
            Memory.Prefetch(ahead + 128);
            ahead += 4 * 2 * BlockQ4.Bytes;
            s0 = AddProducts(w0 + at, w0 + at + BlockQ4.Bytes, quants, scales, corrections, table, mask, s0);
            s1 = AddProducts(w1 + at, w1 + at + BlockQ4.Bytes, quants, scales, corrections, table, mask, s1);
            s2 = AddProducts(w2 + at, w2 + at + BlockQ4.Bytes, quants, scales, corrections, table, mask, s2);
            s3 = AddProducts(w3 + at, w3 + at + BlockQ4.Bytes, quants, scales, corrections, table, mask, s3);
            quants += Unit;
            scales += 8;
        }

        if (whole < a.Units)
        {
            // The last of an odd number of blocks: what stands beside it meets zeros, so it may be the block itself.
            s0 = AddProducts(w0 + end, w0 + end, quants, scales, corrections, table, mask, s0);
            s1 = AddProducts(w1 + end, w1 + end, quants, scales, corrections, table, mask, s1);
            s2 = AddProducts(w2 + end, w2 + end, quants, scales, corrections, table, mask, s2);
            s3 = AddProducts(w3 + end, w3 + end, quants, scales, corrections, table, mask, s3);
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

    // Each quarter is used as soon as it is unpacked: sixteen registers hold no more.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> AddProducts(
        byte* block, byte* next, short* quants, float* scales, nint corrections, float* table, Vector256<short> mask,
        Vector256<float> sum)
    {
        Vector256<short> packed = BlockQ4.LoadTwo(block, next);
        Vector256<int> first = Vector256.Load((int*)((byte*)scales + corrections)) +
            Integers.MultiplyAddPairs(packed & mask, Vector256.Load(quants));
        Vector256<int> second = Integers.MultiplyAddPairs(packed >>> 12, Vector256.Load(quants + 48));
        first += Integers.MultiplyAddPairs((packed >>> 4) & mask, Vector256.Load(quants + 16));
        second += Integers.MultiplyAddPairs((packed >>> 8) & mask, Vector256.Load(quants + 32));
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
