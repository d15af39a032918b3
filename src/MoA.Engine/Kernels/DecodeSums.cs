using System.Runtime.CompilerServices;
using MoA.Engine.Numerics;

namespace MoA.Engine.Kernels;

/// <summary>
/// Sums of rows, weighted for 1, 2, 4 or 8 heads: lanes are elements. Weights are [heads, <see cref="DecodeBlock.Rows"/>].
/// </summary>
internal static unsafe partial class DecodeSums<TSimd, TVector, TRows>
    where TSimd : ISimd<TVector>
    where TVector : struct
    where TRows : IRowPairs
{
    private static int Columns
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 2 * TSimd.Width;
    }

    private static int ColumnBytes
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => DecodeBlock.Bytes<TRows>(Columns);
    }

    [MethodImpl(JitOptions.Loop)]
    public static void AddTwo(float* weights, byte* values, int rows, float* outputs, int size, Prefetch next)
    {
        int width = TSimd.Width;
        nint bytesPerRow = DecodeBlock.Bytes<TRows>(size);
        nint d = 0;
        for (; d <= size - 2 * Columns; d += 2 * Columns)
        {
            float* output0 = outputs + d, output1 = output0 + size;
            TVector s00 = TSimd.Load(output0), s01 = TSimd.Load(output0 + width);
            TVector s02 = TSimd.Load(output0 + 2 * width), s03 = TSimd.Load(output0 + 3 * width);
            TVector s10 = TSimd.Load(output1), s11 = TSimd.Load(output1 + width);
            TVector s12 = TSimd.Load(output1 + 2 * width), s13 = TSimd.Load(output1 + 3 * width);
            byte* value = values;
            float* weight = weights;
            nint ahead = d / Columns * rows * ColumnBytes;
            for (int row = 0; row < rows; row++, value += bytesPerRow, weight++, ahead += 2 * ColumnBytes)
            {
                next.Step(ahead, 2 * ColumnBytes);
                TVector w0 = TSimd.Broadcast(weight[0]);
                TVector w1 = TSimd.Broadcast(weight[DecodeBlock.Rows]);
                TRows.Load<TSimd, TVector>(value, d, out TVector v0, out TVector v1);
                s00 = TSimd.MultiplyAdd(w0, v0, s00);
                s10 = TSimd.MultiplyAdd(w1, v0, s10);
                s01 = TSimd.MultiplyAdd(w0, v1, s01);
                s11 = TSimd.MultiplyAdd(w1, v1, s11);
                TRows.Load<TSimd, TVector>(value, d + Columns, out v0, out v1);
                s02 = TSimd.MultiplyAdd(w0, v0, s02);
                s12 = TSimd.MultiplyAdd(w1, v0, s12);
                s03 = TSimd.MultiplyAdd(w0, v1, s03);
                s13 = TSimd.MultiplyAdd(w1, v1, s13);
            }

            TSimd.Store(output0, s00);
            TSimd.Store(output0 + width, s01);
            TSimd.Store(output0 + 2 * width, s02);
            TSimd.Store(output0 + 3 * width, s03);
            TSimd.Store(output1, s10);
            TSimd.Store(output1 + width, s11);
            TSimd.Store(output1 + 2 * width, s12);
            TSimd.Store(output1 + 3 * width, s13);
        }

        AddRest(2, d, weights, values, rows, outputs, size);
    }

    [MethodImpl(JitOptions.Loop)]
    public static void AddOne(float* weights, byte* values, int rows, float* outputs, int size, Prefetch next)
    {
        int width = TSimd.Width;
        nint bytesPerRow = DecodeBlock.Bytes<TRows>(size);
        nint d = 0;
        for (; d <= size - 2 * Columns; d += 2 * Columns)
        {
            float* output0 = outputs + d;
            TVector s00 = TSimd.Load(output0), s01 = TSimd.Load(output0 + width);
            TVector s02 = TSimd.Load(output0 + 2 * width), s03 = TSimd.Load(output0 + 3 * width);
            byte* value = values;
            float* weight = weights;
            nint ahead = d / Columns * rows * ColumnBytes;
            for (int row = 0; row < rows; row++, value += bytesPerRow, weight++, ahead += 2 * ColumnBytes)
            {
                next.Step(ahead, 2 * ColumnBytes);
                TVector w0 = TSimd.Broadcast(weight[0]);
                TRows.Load<TSimd, TVector>(value, d, out TVector v0, out TVector v1);
                s00 = TSimd.MultiplyAdd(w0, v0, s00);
                s01 = TSimd.MultiplyAdd(w0, v1, s01);
                TRows.Load<TSimd, TVector>(value, d + Columns, out v0, out v1);
                s02 = TSimd.MultiplyAdd(w0, v0, s02);
                s03 = TSimd.MultiplyAdd(w0, v1, s03);
            }

            TSimd.Store(output0, s00);
            TSimd.Store(output0 + width, s01);
            TSimd.Store(output0 + 2 * width, s02);
            TSimd.Store(output0 + 3 * width, s03);
        }

        AddRest(1, d, weights, values, rows, outputs, size);
    }

    // The columns from `first` on that do not fill a tile.
    [MethodImpl(JitOptions.Loop)]
    private static void AddRest(int heads, nint first, float* weights, byte* values, int rows, float* outputs, int size)
    {
        nint bytesPerRow = DecodeBlock.Bytes<TRows>(size);
        for (nint d = first; d < size; d += Columns)
        {
            for (int head = 0; head < heads; head++)
            {
                float* output = outputs + head * (nint)size + d;
                TVector s0 = TSimd.Load(output), s1 = TSimd.Load(output + TSimd.Width);
                for (nint row = 0; row < rows; row++)
                {
                    TVector w = TSimd.Broadcast(weights[head * DecodeBlock.Rows + row]);
                    TRows.Load<TSimd, TVector>(values + row * bytesPerRow, d, out TVector v0, out TVector v1);
                    s0 = TSimd.MultiplyAdd(w, v0, s0);
                    s1 = TSimd.MultiplyAdd(w, v1, s1);
                }

                TSimd.Store(output, s0);
                TSimd.Store(output + TSimd.Width, s1);
            }
        }
    }
}
