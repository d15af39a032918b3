using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using MoA.Engine.Numerics;

namespace MoA.Engine.Kernels;

/// <summary>
/// Products with Q4_0 blocks, two at a time: one in each half of the vectors, so that conversion and scaling serve both.
/// What the quants are shifted by is taken off the integer sums. A unit of activations is two blocks as well: 64 quants
/// (the first 16 of either block, then the last 16 of either), −8 times the sums of the quants that end up in each
/// 32-bit lane, and the factors of these lanes.
/// </summary>
internal readonly unsafe struct KernelQ4 : IQuantizedKernel
{
    private const int Pair = 2 * BlockQ4.Bytes;
    private const int Upper = 32;
    private const int Corrections = 64;
    private const int Scales = 96;

    public static int UnitElements => 64;

    public static int UnitBytes => 128;

    public static void Round(float* x, byte* unit)
    {
        sbyte* rounded = stackalloc sbyte[64];
        float first = ByteRow.Quantize(x, 32, rounded), second = ByteRow.Quantize(x + 32, 32, rounded + 32);
        Vector256<sbyte> lower = Vector256.Create(Vector128.Load(rounded), Vector128.Load(rounded + 32));
        Vector256<sbyte> upper = Vector256.Create(Vector128.Load(rounded + 16), Vector128.Load(rounded + 48));
        lower.Store((sbyte*)unit);
        upper.Store((sbyte*)unit + Upper);
        Vector256<byte> ones = Vector256<byte>.One;
        (Integers.AddProducts(Vector256<int>.Zero, ones, lower, ones, upper) * -BlockQ4.Shift)
            .Store((int*)(unit + Corrections));
        Vector256.Create(Vector128.Create(first), Vector128.Create(second)).Store((float*)(unit + Scales));
    }

    [MethodImpl(JitOptions.Loop)]
    public static void FourByOne(byte* w0, byte* w1, byte* w2, byte* w3, byte* next, byte* units, int columns, float* sums)
    {
        float* table = BlockScale.Table;
        Vector256<byte> mask = Vector256.Create((byte)15);
        Vector256<float> s0 = Vector256<float>.Zero, s1 = s0, s2 = s0, s3 = s0;
        for (byte* end = units + columns / 64 * 128; units < end; units += 128)
        {
            Memory.Prefetch(next, 4 * Pair);
            next += 4 * Pair;
            s0 = AddProducts(w0, BlockQ4.Bytes, units, table, mask, s0);
            s1 = AddProducts(w1, BlockQ4.Bytes, units, table, mask, s1);
            s2 = AddProducts(w2, BlockQ4.Bytes, units, table, mask, s2);
            s3 = AddProducts(w3, BlockQ4.Bytes, units, table, mask, s3);
            w0 += Pair;
            w1 += Pair;
            w2 += Pair;
            w3 += Pair;
        }

        if (columns % 64 != 0)
        {
            // The last of an odd number of blocks: what stands beside it meets zeros, so it may be the block itself.
            s0 = AddProducts(w0, 0, units, table, mask, s0);
            s1 = AddProducts(w1, 0, units, table, mask, s1);
            s2 = AddProducts(w2, 0, units, table, mask, s2);
            s3 = AddProducts(w3, 0, units, table, mask, s3);
        }

        Simd256.StoreSums(sums, s0, s1, s2, s3);
    }

    [MethodImpl(JitOptions.Loop)]
    public static void OneByFour(byte* w, byte* units, nint stride, int columns, float* sums)
    {
        float* table = BlockScale.Table;
        Vector256<byte> mask = Vector256.Create((byte)15);
        Vector256<float> s0 = Vector256<float>.Zero, s1 = s0, s2 = s0, s3 = s0;
        for (byte* end = units + (columns + 63) / 64 * 128; units < end; units += 128, w += Pair, columns -= 64)
        {
            nint next = columns < 64 ? 0 : BlockQ4.Bytes; // as above
            Vector256<byte> packed = BlockQ4.LoadTwo(w, w + next);
            Vector256<byte> lower = packed & mask, upper = Integers.UpperNibbles(packed, mask);
            Vector256<float> scales = WeightScales(w, next, table);
            s0 = AddProducts(lower, upper, scales, units, s0);
            s1 = AddProducts(lower, upper, scales, units + stride, s1);
            s2 = AddProducts(lower, upper, scales, units + 2 * stride, s2);
            s3 = AddProducts(lower, upper, scales, units + 3 * stride, s3);
        }

        Simd256.StoreSums(sums, s0, s1, s2, s3);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> AddProducts(
        byte* block, nint next, byte* unit, float* table, Vector256<byte> mask, Vector256<float> sum)
    {
        Vector256<byte> packed = BlockQ4.LoadTwo(block, block + next);
        return AddProducts(packed & mask, Integers.UpperNibbles(packed, mask), WeightScales(block, next, table), unit, sum);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> AddProducts(
        Vector256<byte> lower, Vector256<byte> upper, Vector256<float> weightScales, byte* unit,
        Vector256<float> sum)
    {
        // Pairs of both halves are at most 2·(2·15·127).
        Vector256<float> total = Vector256.ConvertToSingle(Integers.AddProducts(
            Vector256.Load((int*)(unit + Corrections)), lower, Vector256.Load((sbyte*)unit), upper, Vector256.Load((sbyte*)unit + Upper)));
        return Vector256.MultiplyAddEstimate(total, weightScales * Vector256.Load((float*)(unit + Scales)), sum);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> WeightScales(byte* block, nint next, float* table) =>
        Vector256.Create(Vector128.Create(table[*(ushort*)block]), Vector128.Create(table[*(ushort*)(block + next)]));
}
