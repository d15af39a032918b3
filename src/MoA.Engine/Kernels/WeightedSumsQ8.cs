using System.Runtime.CompilerServices;
using MoA.Engine.Numerics;

namespace MoA.Engine.Kernels;

/// <summary>
/// Weighted sums of values in Q8_0 for 1, 2, 4 or 8 heads. A weight takes the scale of the row's group upon itself and is
/// rounded to 16 bits, the largest of a block of rows to the largest integer: an error at least 60 times below that of the
/// values' own rounding. Two rows are then multiplied and added in one instruction, and a block's sum is exact. Outputs are
/// kept in the order of <see cref="ISimd{TVector}.LoadInt8Pairs"/>.
/// </summary>
internal static unsafe class WeightedSumsQ8<TSimd, TVector>
    where TSimd : ISimd<TVector>
    where TVector : struct
{
    // Pairs of rows, and so floats, that the rounded weights of a head take up in a group.
    private const int Pairs = DecodeBlock.Rows / 2;

    /// <summary>outputs[head] += Σ weights[head][row]·values[row].</summary>
    /// <param name="heads">1, 2, 4 or 8.</param>
    /// <param name="weights">[heads, <see cref="DecodeBlock.Rows"/>]; those beyond the last row become zero.</param>
    /// <param name="values">Rows.</param>
    /// <param name="rows">Number of rows.</param>
    /// <param name="outputs">[heads, size].</param>
    /// <param name="size">Elements of a row.</param>
    /// <param name="scratch"><see cref="DecodeBlock.Floats"/>.</param>
    /// <param name="next">What to ask for meanwhile.</param>
    [MethodImpl(JitOptions.Loop)]
    public static void Add(
        int heads, float* weights, byte* values, int rows, float* outputs, int size, float* scratch, Prefetch next)
    {
        int width = TSimd.Width, filled = (rows + 4 * width - 1) / (4 * width) * (4 * width);
        for (int head = 0; head < heads && rows < filled; head++)
            new Span<float>(weights + head * DecodeBlock.Rows + rows, filled - rows).Clear();
        nint groups = size / BlockQ8.Elements, bytesPerRow = groups * BlockQ8.Bytes, ahead = 0;
        ushort* stored = (ushort*)scratch;
        DecodeBlock.CopyScales(values, rows, groups, stored);
        float* scales = scratch + size, factors = scales + DecodeBlock.Rows, rounded = factors + 16;
        values = DecodeBlock.Filled(values, rows, filled, bytesPerRow, rounded + 8 * Pairs);
        for (nint group = 0; group < groups; group++, values += BlockQ8.Bytes, outputs += BlockQ8.Elements)
        {
            ushort* scale = stored + group * DecodeBlock.Rows;
            new Span<ushort>(scale + rows, filled - rows).Clear();
            for (int row = 0; row < filled; row += width)
                TSimd.Store(scales + row, TSimd.LoadF16(scale + row));
            Round(heads, weights, scales, filled, factors, rounded);
            for (int i = 0; i < BlockQ8.Elements; i += 2 * width)
            {
                sbyte* value = (sbyte*)values + 2 + i;
                int first = 0;
                for (; width == 16 && first < heads - 7; first += 8)
                    AddEight(rounded, factors, value, bytesPerRow, filled, outputs + i, size, next, ahead);
                for (; first < heads - 3; first += 4)
                {
                    AddFour(
                        rounded + first * Pairs, factors + first, value, bytesPerRow, filled, outputs + first * size + i,
                        size, next, ahead);
                }

                for (; first < heads; first++)
                {
                    AddOne(
                        rounded + first * Pairs, factors + first, value, bytesPerRow, filled, outputs + first * size + i,
                        size, next, ahead);
                }
            }

            ahead += 2 * rows * BlockQ8.Bytes;
        }
    }

    [MethodImpl(JitOptions.Loop)]
    private static void AddEight(
        float* weights, float* factors, sbyte* values, nint bytesPerRow, int rows, float* outputs, int size, Prefetch next,
        nint ahead)
    {
        nint other = TSimd.Width * bytesPerRow, bytes = rows * bytesPerRow;
        TVector t0 = TSimd.Zero, t1 = t0, s00 = t0, s01 = t0, s10 = t0, s11 = t0, s20 = t0, s21 = t0, s30 = t0, s31 = t0;
        TVector s40 = t0, s41 = t0, s50 = t0, s51 = t0, s60 = t0, s61 = t0, s70 = t0, s71 = t0;
        for (sbyte* end = values + rows * bytesPerRow; values < end; values += other)
        {
            for (sbyte* half = values + other; values < half; values += bytesPerRow, weights++, ahead += 4 * BlockQ8.Bytes)
            {
                next.Step(Math.Min(ahead, bytes), 4 * BlockQ8.Bytes);
                TSimd.LoadInt8Pairs(values, values + other, out TVector v0, out TVector v1);
                t0 = TSimd.SubtractShorts(t0, v0);
                t1 = TSimd.SubtractShorts(t1, v1);
                TVector w = TSimd.Broadcast(weights[0]);
                s00 = TSimd.AddPairProducts(w, v0, s00);
                s01 = TSimd.AddPairProducts(w, v1, s01);
                w = TSimd.Broadcast(weights[Pairs]);
                s10 = TSimd.AddPairProducts(w, v0, s10);
                s11 = TSimd.AddPairProducts(w, v1, s11);
                w = TSimd.Broadcast(weights[2 * Pairs]);
                s20 = TSimd.AddPairProducts(w, v0, s20);
                s21 = TSimd.AddPairProducts(w, v1, s21);
                w = TSimd.Broadcast(weights[3 * Pairs]);
                s30 = TSimd.AddPairProducts(w, v0, s30);
                s31 = TSimd.AddPairProducts(w, v1, s31);
                w = TSimd.Broadcast(weights[4 * Pairs]);
                s40 = TSimd.AddPairProducts(w, v0, s40);
                s41 = TSimd.AddPairProducts(w, v1, s41);
                w = TSimd.Broadcast(weights[5 * Pairs]);
                s50 = TSimd.AddPairProducts(w, v0, s50);
                s51 = TSimd.AddPairProducts(w, v1, s51);
                w = TSimd.Broadcast(weights[6 * Pairs]);
                s60 = TSimd.AddPairProducts(w, v0, s60);
                s61 = TSimd.AddPairProducts(w, v1, s61);
                w = TSimd.Broadcast(weights[7 * Pairs]);
                s70 = TSimd.AddPairProducts(w, v0, s70);
                s71 = TSimd.AddPairProducts(w, v1, s71);
            }
        }

        Add(s00, s01, t0, t1, factors[0], outputs);
        Add(s10, s11, t0, t1, factors[1], outputs + size);
        Add(s20, s21, t0, t1, factors[2], outputs + 2 * size);
        Add(s30, s31, t0, t1, factors[3], outputs + 3 * size);
        Add(s40, s41, t0, t1, factors[4], outputs + 4 * size);
        Add(s50, s51, t0, t1, factors[5], outputs + 5 * size);
        Add(s60, s61, t0, t1, factors[6], outputs + 6 * size);
        Add(s70, s71, t0, t1, factors[7], outputs + 7 * size);
    }

    [MethodImpl(JitOptions.Loop)]
    private static void AddFour(
        float* weights, float* factors, sbyte* values, nint bytesPerRow, int rows, float* outputs, int size, Prefetch next,
        nint ahead)
    {
        nint other = TSimd.Width * bytesPerRow, bytes = rows * bytesPerRow;
        TVector t0 = TSimd.Zero, t1 = t0, s00 = t0, s01 = t0, s10 = t0, s11 = t0, s20 = t0, s21 = t0, s30 = t0, s31 = t0;
        for (sbyte* end = values + rows * bytesPerRow; values < end; values += other)
        {
            for (sbyte* half = values + other; values < half; values += bytesPerRow, weights++, ahead += 4 * BlockQ8.Bytes)
            {
                next.Step(Math.Min(ahead, bytes), 4 * BlockQ8.Bytes);
                TSimd.LoadInt8Pairs(values, values + other, out TVector v0, out TVector v1);
                t0 = TSimd.SubtractShorts(t0, v0);
                t1 = TSimd.SubtractShorts(t1, v1);
                TVector w = TSimd.Broadcast(weights[0]);
                s00 = TSimd.AddPairProducts(w, v0, s00);
                s01 = TSimd.AddPairProducts(w, v1, s01);
                w = TSimd.Broadcast(weights[Pairs]);
                s10 = TSimd.AddPairProducts(w, v0, s10);
                s11 = TSimd.AddPairProducts(w, v1, s11);
                w = TSimd.Broadcast(weights[2 * Pairs]);
                s20 = TSimd.AddPairProducts(w, v0, s20);
                s21 = TSimd.AddPairProducts(w, v1, s21);
                w = TSimd.Broadcast(weights[3 * Pairs]);
                s30 = TSimd.AddPairProducts(w, v0, s30);
                s31 = TSimd.AddPairProducts(w, v1, s31);
            }
        }

        Add(s00, s01, t0, t1, factors[0], outputs);
        Add(s10, s11, t0, t1, factors[1], outputs + size);
        Add(s20, s21, t0, t1, factors[2], outputs + 2 * size);
        Add(s30, s31, t0, t1, factors[3], outputs + 3 * size);
    }

    [MethodImpl(JitOptions.Loop)]
    private static void AddOne(
        float* weights, float* factors, sbyte* values, nint bytesPerRow, int rows, float* outputs, int size, Prefetch next,
        nint ahead)
    {
        nint other = TSimd.Width * bytesPerRow, bytes = rows * bytesPerRow;
        TVector t0 = TSimd.Zero, t1 = t0, s00 = t0, s01 = t0;
        for (sbyte* end = values + rows * bytesPerRow; values < end; values += other)
        {
            for (sbyte* half = values + other; values < half; values += bytesPerRow, weights++, ahead += 4 * BlockQ8.Bytes)
            {
                next.Step(Math.Min(ahead, bytes), 4 * BlockQ8.Bytes);
                TSimd.LoadInt8Pairs(values, values + other, out TVector v0, out TVector v1);
                t0 = TSimd.SubtractShorts(t0, v0);
                t1 = TSimd.SubtractShorts(t1, v1);
                TVector w = TSimd.Broadcast(weights[0]);
                s00 = TSimd.AddPairProducts(w, v0, s00);
                s01 = TSimd.AddPairProducts(w, v1, s01);
            }
        }

        Add(s00, s01, t0, t1, factors[0], outputs);
    }

    // Weights times scales, in units of the heads' factors. Of every two vectors the rows in the same lane become a pair.
    [MethodImpl(JitOptions.Loop)]
    private static void Round(int heads, float* weights, float* scales, int rows, float* factors, float* to)
    {
        int width = TSimd.Width;
        for (int head = 0; head < heads; head++, weights += DecodeBlock.Rows, to += Pairs)
        {
            TVector p0 = Product(weights, scales), p1 = Product(weights + width, scales + width);
            TVector p2 = Product(weights + 2 * width, scales + 2 * width), p3 = Product(weights + 3 * width, scales + 3 * width);
            TVector largest = TSimd.Max(TSimd.Max(p0, p1), TSimd.Max(p2, p3));
            for (int row = 4 * width; row < rows; row += width)
                largest = TSimd.Max(largest, Product(weights + row, scales + row));
            // Not so small that the inverse would overflow.
            float reached = float.MaxNative(TSimd.MaxLane(largest), 1e-33f);
            factors[head] = reached * (1f / ushort.MaxValue);
            TVector inverse = TSimd.Broadcast(ushort.MaxValue / reached);
            TSimd.Store(to, TSimd.JoinLowerHalves(Units(p0, inverse), Units(p1, inverse)));
            TSimd.Store(to + width, TSimd.JoinLowerHalves(Units(p2, inverse), Units(p3, inverse)));
            for (int row = 4 * width; row < rows; row += 2 * width)
            {
                TVector lower = Product(weights + row, scales + row), upper = Product(weights + row + width, scales + row + width);
                TSimd.Store(to + row / 2, TSimd.JoinLowerHalves(Units(lower, inverse), Units(upper, inverse)));
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector Product(float* weights, float* scales) => TSimd.Multiply(TSimd.Load(weights), TSimd.Load(scales));

    // Rounded to the nearest, in the lower half of each lane: added to a number so large that fractions have no bits left.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector Units(TVector products, TVector inverse) =>
        TSimd.MultiplyAdd(products, inverse, TSimd.Broadcast(12582912f - 32768));

    // Weights are 0 to 65535 less 32768, which the negated sums of the values, unweighted, make good.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add(TVector first, TVector second, TVector negatedFirst, TVector negatedSecond, float factor, float* output)
    {
        TVector factors = TSimd.Broadcast(factor), lowest = TSimd.Broadcast(BitConverter.UInt32BitsToSingle(0x80008000));
        first = TSimd.IntegersToFloats(TSimd.AddPairProducts(negatedFirst, lowest, first));
        second = TSimd.IntegersToFloats(TSimd.AddPairProducts(negatedSecond, lowest, second));
        TSimd.Store(output, TSimd.MultiplyAdd(first, factors, TSimd.Load(output)));
        TSimd.Store(output + TSimd.Width, TSimd.MultiplyAdd(second, factors, TSimd.Load(output + TSimd.Width)));
    }
}
