using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using MoA.Engine.Numerics;

namespace MoA.Engine.Kernels;

/// <summary>
/// Products with Q8_0 blocks. A unit of activations is a block too: 32 quants of 16 bits, whose rounding error vanishes
/// beside that of 8-bit weights and which multiply as fast as bytes that must be widened in between, and their factor in
/// eight lanes.
/// </summary>
internal readonly unsafe struct KernelQ8 : IQuantizedKernel
{
    private const int Largest = 32767;
    private const int Scales = 64;

    public static int UnitElements => BlockQ8.Elements;

    public static int UnitBytes => 96;

    public static void Round(float* x, byte* unit) =>
        Vector256.Create(ShortRow.Quantize(x, BlockQ8.Elements, Largest, (short*)unit)).Store((float*)(unit + Scales));

    [MethodImpl(JitOptions.Loop)]
    public static void FourByOne(byte* w0, byte* w1, byte* w2, byte* w3, byte* next, byte* units, int columns, float* sums)
    {
        float* table = BlockScale.Table;
        Vector256<float> s0 = Vector256<float>.Zero, s1 = s0, s2 = s0, s3 = s0;
        for (byte* end = units + columns / 32 * 96; units < end; units += 96)
        {
            Memory.Prefetch(next, 4 * BlockQ8.Bytes);
            next += 4 * BlockQ8.Bytes;
            s0 = AddProducts(w0, units, table, s0);
            s1 = AddProducts(w1, units, table, s1);
            s2 = AddProducts(w2, units, table, s2);
            s3 = AddProducts(w3, units, table, s3);
            w0 += BlockQ8.Bytes;
            w1 += BlockQ8.Bytes;
            w2 += BlockQ8.Bytes;
            w3 += BlockQ8.Bytes;
        }

        Simd256.StoreSums(sums, s0, s1, s2, s3);
    }

    [MethodImpl(JitOptions.Loop)]
    public static void OneByFour(byte* w, byte* units, nint stride, int columns, float* sums)
    {
        float* table = BlockScale.Table;
        Vector256<float> s0 = Vector256<float>.Zero, s1 = s0, s2 = s0, s3 = s0;
        for (byte* end = units + columns / 32 * 96; units < end; units += 96, w += BlockQ8.Bytes)
        {
            BlockQ8.LoadQuants(w, out Vector256<short> lower, out Vector256<short> upper);
            Vector256<float> scale = Vector256.Create(table[*(ushort*)w]);
            s0 = AddProducts(lower, upper, scale, units, s0);
            s1 = AddProducts(lower, upper, scale, units + stride, s1);
            s2 = AddProducts(lower, upper, scale, units + 2 * stride, s2);
            s3 = AddProducts(lower, upper, scale, units + 3 * stride, s3);
        }

        Simd256.StoreSums(sums, s0, s1, s2, s3);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> AddProducts(byte* block, byte* unit, float* table, Vector256<float> sum)
    {
        BlockQ8.LoadQuants(block, out Vector256<short> lower, out Vector256<short> upper);
        return AddProducts(lower, upper, Vector256.Create(table[*(ushort*)block]), unit, sum);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> AddProducts(
        Vector256<short> lower, Vector256<short> upper, Vector256<float> scale, byte* unit, Vector256<float> sum)
    {
        Vector256<int> products = Integers.AddProducts(
            Integers.MultiplyAddPairs(lower, Vector256.Load((short*)unit)), upper, Vector256.Load((short*)unit + 16));
        return Vector256.MultiplyAddEstimate(
            Vector256.ConvertToSingle(products), scale * Vector256.Load((float*)(unit + Scales)), sum);
    }
}
