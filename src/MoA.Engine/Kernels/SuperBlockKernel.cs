using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using MoA.Engine.Numerics;

namespace MoA.Engine.Kernels;

/// <summary>
/// Products with blocks of 256 elements: the groups' scales of weight and activations are multiplied eight at a time, and
/// offsets cost one multiply-add for all groups, by way of the groups' sums. A unit of activations is a block too: 256
/// bytes, the factors of its groups, and the groups' sums.
/// </summary>
internal readonly unsafe struct SuperBlockKernel<TFormat> : IQuantizedKernel
    where TFormat : ISuperBlockFormat
{
    private const int Size = 256;

    public static int UnitElements => Size;

    public static int UnitBytes => Size + 2 * Groups * sizeof(float);

    private static int Groups
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Size / TFormat.GroupSize;
    }

    public static void Round(float* x, byte* unit)
    {
        sbyte* quants = (sbyte*)unit;
        float* scales = (float*)(unit + Size), groupSums = scales + Groups;
        for (int group = 0; group < Groups; group++, x += TFormat.GroupSize, quants += TFormat.GroupSize)
        {
            scales[group] = ByteRow.Quantize(x, TFormat.GroupSize, quants);
            int sum = 0;
            for (int i = 0; i < TFormat.GroupSize; i++)
                sum += quants[i];
            groupSums[group] = scales[group] * sum;
        }
    }

    public static void FourByOne(byte* w0, byte* w1, byte* w2, byte* w3, byte* next, byte* units, int columns, float* sums)
    {
        TwoByOne(w0, w1, units, columns, sums, next);
        TwoByOne(w2, w3, units, columns, sums + 2, next + columns / Size * 2 * TFormat.BlockBytes);
    }

    [MethodImpl(JitOptions.Loop)]
    public static void OneByFour(byte* w, byte* units, nint stride, int columns, float* sums)
    {
        float* products = stackalloc float[64];
        byte* quants = stackalloc byte[Size];
        Vector256<float> s0 = Vector256<float>.Zero, s1 = s0, s2 = s0, s3 = s0;
        Vector256<float> shift0 = s0, shift1 = s0, shift2 = s0, shift3 = s0;
        for (int block = columns / Size; block > 0; block--, w += TFormat.BlockBytes, units += UnitBytes)
        {
            TFormat.ReadFactors(w, out Vector256<float> first, out Vector256<float> second);
            shift0 = Prepare(first, second, units, products, shift0);
            shift1 = Prepare(first, second, units + stride, products + 16, shift1);
            shift2 = Prepare(first, second, units + 2 * stride, products + 32, shift2);
            shift3 = Prepare(first, second, units + 3 * stride, products + 48, shift3);
            UnpackChunk(w, 0, quants);
            UnpackChunk(w, 1, quants);
            UnpackChunk(w, 2, quants);
            UnpackChunk(w, 3, quants);
            // In the order of TwoByOne: a row's sum does not depend on how many rows there are.
            for (int chunk = 0; chunk < 4; chunk++)
            {
                (int run, int other) = TFormat.Runs(chunk);
                AddToFour(quants, units, stride, products, run, ref s0, ref s1, ref s2, ref s3);
                AddToFour(quants, units, stride, products, other, ref s0, ref s1, ref s2, ref s3);
            }
        }

        sums[0] = Total(s0, shift0);
        sums[1] = Total(s1, shift1);
        sums[2] = Total(s2, shift2);
        sums[3] = Total(s3, shift3);
    }

    [MethodImpl(JitOptions.Loop)]
    private static void TwoByOne(byte* w0, byte* w1, byte* units, int columns, float* sums, byte* next)
    {
        float* products0 = stackalloc float[16], products1 = stackalloc float[16];
        Vector256<float> s0 = Vector256<float>.Zero, s1 = s0, shift0 = s0, shift1 = s0;
        for (int block = columns / Size; block > 0; block--, units += UnitBytes)
        {
            TFormat.ReadFactors(w0, out Vector256<float> first, out Vector256<float> second);
            shift0 = Prepare(first, second, units, products0, shift0);
            TFormat.ReadFactors(w1, out first, out second);
            shift1 = Prepare(first, second, units, products1, shift1);
            Memory.Prefetch(next, 2 * TFormat.BlockBytes);
            next += 2 * TFormat.BlockBytes;

            s0 = AddChunk(w0, 0, units, products0, s0);
            s1 = AddChunk(w1, 0, units, products1, s1);
            s0 = AddChunk(w0, 1, units, products0, s0);
            s1 = AddChunk(w1, 1, units, products1, s1);
            s0 = AddChunk(w0, 2, units, products0, s0);
            s1 = AddChunk(w1, 2, units, products1, s1);
            s0 = AddChunk(w0, 3, units, products0, s0);
            s1 = AddChunk(w1, 3, units, products1, s1);
            w0 += TFormat.BlockBytes;
            w1 += TFormat.BlockBytes;
        }

        sums[0] = Total(s0, shift0);
        sums[1] = Total(s1, shift1);
    }

    // Multiplies the scales of both factors, and adds what offsets or shifts take away to a sum of its own.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Prepare(
        Vector256<float> first, Vector256<float> second, byte* unit, float* products, Vector256<float> shift)
    {
        float* scales = (float*)(unit + Size), groupSums = scales + Groups;
        (first * Vector256.Load(scales)).Store(products);
        if (TFormat.GroupSize == 32)
            return Vector256.MultiplyAddEstimate(second, Vector256.Load(groupSums), shift);
        (second * Vector256.Load(scales + 8)).Store(products + 8);
        shift = Vector256.MultiplyAddEstimate(first, Vector256.Load(groupSums), shift);
        return Vector256.MultiplyAddEstimate(second, Vector256.Load(groupSums + 8), shift);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> AddChunk(byte* block, int chunk, byte* unit, float* products, Vector256<float> sum)
    {
        TFormat.Unpack(block, chunk, out Vector256<byte> first, out Vector256<byte> second);
        (int run, int other) = TFormat.Runs(chunk);
        sum = AddRun(first, unit + run, products + run / TFormat.GroupSize, sum);
        return AddRun(second, unit + other, products + other / TFormat.GroupSize, sum);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddToFour(
        byte* quants, byte* units, nint stride, float* products, int run, ref Vector256<float> s0, ref Vector256<float> s1,
        ref Vector256<float> s2, ref Vector256<float> s3)
    {
        Vector256<byte> x = Vector256.Load(quants + run);
        byte* unit = units + run;
        float* scales = products + run / TFormat.GroupSize;
        s0 = AddRun(x, unit, scales, s0);
        s1 = AddRun(x, unit + stride, scales + 16, s1);
        s2 = AddRun(x, unit + 2 * stride, scales + 32, s2);
        s3 = AddRun(x, unit + 3 * stride, scales + 48, s3);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void UnpackChunk(byte* block, int chunk, byte* quants)
    {
        TFormat.Unpack(block, chunk, out Vector256<byte> first, out Vector256<byte> second);
        (int run, int other) = TFormat.Runs(chunk);
        first.Store(quants + run);
        second.Store(quants + other);
    }

    // Pairs of products are at most 2·63·127, which 16 bits hold.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> AddRun(Vector256<byte> run, byte* quants, float* scales, Vector256<float> sum)
    {
        Vector256<int> products = Integers.AddProducts(Vector256<int>.Zero, run, Vector256.Load((sbyte*)quants));
        // The lower half of the vector holds elements 0 to 15 of the run.
        Vector256<float> scale = TFormat.GroupSize == 32
            ? Vector256.Create(scales[0])
            : Vector256.Create(Vector128.Create(scales[0]), Vector128.Create(scales[1]));
        return Vector256.MultiplyAddEstimate(Vector256.ConvertToSingle(products), scale, sum);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Total(Vector256<float> sum, Vector256<float> shift) =>
        Vector256.Sum(sum) - (TFormat.GroupSize == 32 ? 1 : TFormat.Shift) * Vector256.Sum(shift);
}
