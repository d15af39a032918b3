using System.Runtime.CompilerServices;
using MoA.Engine.Numerics;

namespace MoA.Engine.Kernels;

/// <content>Of 4 and of 8 heads, whose sums and values fill the registers.</content>
internal static unsafe partial class DecodeSums<TSimd, TVector, TRows>
{
    [MethodImpl(JitOptions.Loop)]
    public static void AddEight(float* weights, byte* values, int rows, float* outputs, int size, Prefetch next)
    {
        int width = TSimd.Width;
        nint bytesPerRow = DecodeBlock.Bytes<TRows>(size);
        for (nint d = 0; d < size; d += Columns)
        {
            float* output = outputs + d;
            TVector s00 = TSimd.Load(output), s01 = TSimd.Load(output + width);
            TVector s10 = TSimd.Load(output + size), s11 = TSimd.Load(output + size + width);
            TVector s20 = TSimd.Load(output + 2 * size), s21 = TSimd.Load(output + 2 * size + width);
            TVector s30 = TSimd.Load(output + 3 * size), s31 = TSimd.Load(output + 3 * size + width);
            TVector s40 = TSimd.Load(output + 4 * size), s41 = TSimd.Load(output + 4 * size + width);
            TVector s50 = TSimd.Load(output + 5 * size), s51 = TSimd.Load(output + 5 * size + width);
            TVector s60 = TSimd.Load(output + 6 * size), s61 = TSimd.Load(output + 6 * size + width);
            TVector s70 = TSimd.Load(output + 7 * size), s71 = TSimd.Load(output + 7 * size + width);
            byte* value = values;
            float* weight = weights;
            nint ahead = d / Columns * rows * ColumnBytes;
            for (int row = 0; row < rows; row++, value += bytesPerRow, weight++, ahead += ColumnBytes)
            {
                next.Step(ahead, ColumnBytes);
                TRows.Load<TSimd, TVector>(value, d, out TVector v0, out TVector v1);
                TVector w = TSimd.Broadcast(weight[0]);
                s00 = TSimd.MultiplyAdd(w, v0, s00);
                s01 = TSimd.MultiplyAdd(w, v1, s01);
                w = TSimd.Broadcast(weight[DecodeBlock.Rows]);
                s10 = TSimd.MultiplyAdd(w, v0, s10);
                s11 = TSimd.MultiplyAdd(w, v1, s11);
                w = TSimd.Broadcast(weight[2 * DecodeBlock.Rows]);
                s20 = TSimd.MultiplyAdd(w, v0, s20);
                s21 = TSimd.MultiplyAdd(w, v1, s21);
                w = TSimd.Broadcast(weight[3 * DecodeBlock.Rows]);
                s30 = TSimd.MultiplyAdd(w, v0, s30);
                s31 = TSimd.MultiplyAdd(w, v1, s31);
                w = TSimd.Broadcast(weight[4 * DecodeBlock.Rows]);
                s40 = TSimd.MultiplyAdd(w, v0, s40);
                s41 = TSimd.MultiplyAdd(w, v1, s41);
                w = TSimd.Broadcast(weight[5 * DecodeBlock.Rows]);
                s50 = TSimd.MultiplyAdd(w, v0, s50);
                s51 = TSimd.MultiplyAdd(w, v1, s51);
                w = TSimd.Broadcast(weight[6 * DecodeBlock.Rows]);
                s60 = TSimd.MultiplyAdd(w, v0, s60);
                s61 = TSimd.MultiplyAdd(w, v1, s61);
                w = TSimd.Broadcast(weight[7 * DecodeBlock.Rows]);
                s70 = TSimd.MultiplyAdd(w, v0, s70);
                s71 = TSimd.MultiplyAdd(w, v1, s71);
            }

            TSimd.Store(output, s00);
            TSimd.Store(output + width, s01);
            TSimd.Store(output + size, s10);
            TSimd.Store(output + size + width, s11);
            TSimd.Store(output + 2 * size, s20);
            TSimd.Store(output + 2 * size + width, s21);
            TSimd.Store(output + 3 * size, s30);
            TSimd.Store(output + 3 * size + width, s31);
            TSimd.Store(output + 4 * size, s40);
            TSimd.Store(output + 4 * size + width, s41);
            TSimd.Store(output + 5 * size, s50);
            TSimd.Store(output + 5 * size + width, s51);
            TSimd.Store(output + 6 * size, s60);
            TSimd.Store(output + 6 * size + width, s61);
            TSimd.Store(output + 7 * size, s70);
            TSimd.Store(output + 7 * size + width, s71);
        }
    }

    [MethodImpl(JitOptions.Loop)]
    public static void AddFour(float* weights, byte* values, int rows, float* outputs, int size, Prefetch next)
    {
        if (TSimd.Width == 16 && size % (2 * Columns) == 0)
        {
            AddFourWide(weights, values, rows, outputs, size, next);
            return;
        }

        int width = TSimd.Width;
        nint bytesPerRow = DecodeBlock.Bytes<TRows>(size);
        for (nint d = 0; d < size; d += Columns)
        {
            float* output0 = outputs + d, output1 = output0 + size, output2 = output1 + size, output3 = output2 + size;
            TVector s00 = TSimd.Load(output0), s01 = TSimd.Load(output0 + width);
            TVector s10 = TSimd.Load(output1), s11 = TSimd.Load(output1 + width);
            TVector s20 = TSimd.Load(output2), s21 = TSimd.Load(output2 + width);
            TVector s30 = TSimd.Load(output3), s31 = TSimd.Load(output3 + width);
            byte* value = values;
            float* weight = weights;
            nint ahead = d / Columns * rows * ColumnBytes;
            for (int row = 0; row < rows; row++, value += bytesPerRow, weight++, ahead += ColumnBytes)
            {
                next.Step(ahead, ColumnBytes);
                TRows.Load<TSimd, TVector>(value, d, out TVector v0, out TVector v1);
                TVector w = TSimd.Broadcast(weight[0]);
                s00 = TSimd.MultiplyAdd(w, v0, s00);
                s01 = TSimd.MultiplyAdd(w, v1, s01);
                w = TSimd.Broadcast(weight[DecodeBlock.Rows]);
                s10 = TSimd.MultiplyAdd(w, v0, s10);
                s11 = TSimd.MultiplyAdd(w, v1, s11);
                w = TSimd.Broadcast(weight[2 * DecodeBlock.Rows]);
                s20 = TSimd.MultiplyAdd(w, v0, s20);
                s21 = TSimd.MultiplyAdd(w, v1, s21);
                w = TSimd.Broadcast(weight[3 * DecodeBlock.Rows]);
                s30 = TSimd.MultiplyAdd(w, v0, s30);
                s31 = TSimd.MultiplyAdd(w, v1, s31);
            }

            TSimd.Store(output0, s00);
            TSimd.Store(output0 + width, s01);
            TSimd.Store(output1, s10);
            TSimd.Store(output1 + width, s11);
            TSimd.Store(output2, s20);
            TSimd.Store(output2 + width, s21);
            TSimd.Store(output3, s30);
            TSimd.Store(output3 + width, s31);
        }
    }

    // Twice as many columns: weights are broadcast half as often. Only 32 registers have room for it.
    [MethodImpl(JitOptions.Loop)]
    private static void AddFourWide(float* weights, byte* values, int rows, float* outputs, nint size, Prefetch next)
    {
        int width = TSimd.Width;
        nint bytesPerRow = DecodeBlock.Bytes<TRows>((int)size);
        for (nint d = 0; d < size; d += 2 * Columns)
        {
            float* output0 = outputs + d, output1 = output0 + size, output2 = output1 + size, output3 = output2 + size;
            TVector s00 = TSimd.Load(output0), s01 = TSimd.Load(output0 + width);
            TVector s02 = TSimd.Load(output0 + 2 * width), s03 = TSimd.Load(output0 + 3 * width);
            TVector s10 = TSimd.Load(output1), s11 = TSimd.Load(output1 + width);
            TVector s12 = TSimd.Load(output1 + 2 * width), s13 = TSimd.Load(output1 + 3 * width);
            TVector s20 = TSimd.Load(output2), s21 = TSimd.Load(output2 + width);
            TVector s22 = TSimd.Load(output2 + 2 * width), s23 = TSimd.Load(output2 + 3 * width);
            TVector s30 = TSimd.Load(output3), s31 = TSimd.Load(output3 + width);
            TVector s32 = TSimd.Load(output3 + 2 * width), s33 = TSimd.Load(output3 + 3 * width);
            byte* value = values;
            float* weight = weights;
            nint ahead = d / Columns * rows * ColumnBytes;
            for (int row = 0; row < rows; row++, value += bytesPerRow, weight++, ahead += 2 * ColumnBytes)
            {
                next.Step(ahead, 2 * ColumnBytes);
                TRows.Load<TSimd, TVector>(value, d, out TVector v0, out TVector v1);
                TRows.Load<TSimd, TVector>(value, d + Columns, out TVector v2, out TVector v3);
                TVector w = TSimd.Broadcast(weight[0]);
                s00 = TSimd.MultiplyAdd(w, v0, s00);
                s01 = TSimd.MultiplyAdd(w, v1, s01);
                s02 = TSimd.MultiplyAdd(w, v2, s02);
                s03 = TSimd.MultiplyAdd(w, v3, s03);
                w = TSimd.Broadcast(weight[DecodeBlock.Rows]);
                s10 = TSimd.MultiplyAdd(w, v0, s10);
                s11 = TSimd.MultiplyAdd(w, v1, s11);
                s12 = TSimd.MultiplyAdd(w, v2, s12);
                s13 = TSimd.MultiplyAdd(w, v3, s13);
                w = TSimd.Broadcast(weight[2 * DecodeBlock.Rows]);
                s20 = TSimd.MultiplyAdd(w, v0, s20);
                s21 = TSimd.MultiplyAdd(w, v1, s21);
                s22 = TSimd.MultiplyAdd(w, v2, s22);
                s23 = TSimd.MultiplyAdd(w, v3, s23);
                w = TSimd.Broadcast(weight[3 * DecodeBlock.Rows]);
                s30 = TSimd.MultiplyAdd(w, v0, s30);
                s31 = TSimd.MultiplyAdd(w, v1, s31);
                s32 = TSimd.MultiplyAdd(w, v2, s32);
                s33 = TSimd.MultiplyAdd(w, v3, s33);
            }

            TSimd.Store(output0, s00);
            TSimd.Store(output0 + width, s01);
            TSimd.Store(output0 + 2 * width, s02);
            TSimd.Store(output0 + 3 * width, s03);
            TSimd.Store(output1, s10);
            TSimd.Store(output1 + width, s11);
            TSimd.Store(output1 + 2 * width, s12);
            TSimd.Store(output1 + 3 * width, s13);
            TSimd.Store(output2, s20);
            TSimd.Store(output2 + width, s21);
            TSimd.Store(output2 + 2 * width, s22);
            TSimd.Store(output2 + 3 * width, s23);
            TSimd.Store(output3, s30);
            TSimd.Store(output3 + width, s31);
            TSimd.Store(output3 + 2 * width, s32);
            TSimd.Store(output3 + 3 * width, s33);
        }
    }
}
