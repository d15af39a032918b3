using System.Runtime.CompilerServices;
using MoA.Engine.Numerics;

namespace MoA.Engine.Kernels;

/// <summary>
/// Scores of keys in Q8_0 for 1, 2, 4 or 8 query heads. Each group of 32 elements is transposed, four bytes to a lane, so
/// that lanes are rows: bytes are widened by shifts for all heads, and a row's scale stands in its lane.
/// </summary>
internal static unsafe class TransposedScoresQ8<TSimd, TVector>
    where TSimd : ISimd<TVector>
    where TVector : struct
{
    // Four bytes each.
    private const int ColumnsPerGroup = BlockQ8.Elements / 4;

    private static int RowsAtOnce
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 2 * TSimd.Width;
    }

    /// <summary>Writes the scores of whole vectors of rows; those beyond the last row may be anything.</summary>
    /// <param name="queries">[heads, size], rounded; of every four elements the second and the third exchanged.</param>
    /// <param name="queryScales">What a unit of each head's query is worth.</param>
    /// <param name="heads">1, 2, 4 or 8.</param>
    /// <param name="size">Elements of a row.</param>
    /// <param name="keys">Rows.</param>
    /// <param name="rows">Number of rows.</param>
    /// <param name="scores">[heads, <see cref="DecodeBlock.Rows"/>].</param>
    /// <param name="scratch"><see cref="DecodeBlock.Floats"/>.</param>
    /// <param name="next">What to ask for meanwhile.</param>
    [MethodImpl(JitOptions.Loop)]
    public static void Score(
        short* queries, float* queryScales, int heads, int size, byte* keys, int rows, float* scores, float* scratch,
        Prefetch next)
    {
        nint groups = size / BlockQ8.Elements, bytesPerRow = groups * BlockQ8.Bytes, ahead = 0;
        ushort* scales = (ushort*)scratch;
        float* columns = scratch + size, copy = columns + RowsAtOnce * ColumnsPerGroup;
        DecodeBlock.CopyScales(keys, rows, groups, scales);
        for (nint row = 0; row < rows; row += RowsAtOnce, scores += RowsAtOnce)
        {
            byte* key = DecodeBlock.Filled(keys + row * bytesPerRow, rows - row, RowsAtOnce, bytesPerRow, copy);
            for (int head = 0; head < heads; head++)
            {
                TSimd.Store(scores + head * DecodeBlock.Rows, TSimd.Zero);
                TSimd.Store(scores + head * DecodeBlock.Rows + TSimd.Width, TSimd.Zero);
            }

            for (nint group = 0; group < groups; group++, key += BlockQ8.Bytes)
            {
                // Twice as fast as its own work: all of what comes next is touched at once.
                for (nint end = Math.Min(ahead + 2 * RowsAtOnce * BlockQ8.Bytes, rows * bytesPerRow); ahead < end; ahead += 192)
                    next.Step(ahead, 192);
                DecodeBlock.Transpose<TSimd, TVector>(key + 2, bytesPerRow, ColumnsPerGroup, columns);
                ushort* scale = scales + group * DecodeBlock.Rows + row;
                float* query = (float*)(queries + group * BlockQ8.Elements);
                nint pitch = size / 2;
                int head = 0;
                for (; TSimd.Width == 16 && head < heads - 7; head += 8)
                    AddEight(query + head * pitch, pitch, columns, scale, scores + head * DecodeBlock.Rows);
                for (; head < heads - 3; head += 4)
                    AddFour(query + head * pitch, pitch, columns, scale, scores + head * DecodeBlock.Rows);
                for (; head < heads; head++)
                    AddOne(query + head * pitch, columns, scale, scores + head * DecodeBlock.Rows);
            }

            for (int head = 0; head < heads; head++)
            {
                float* score = scores + head * DecodeBlock.Rows;
                TVector factor = TSimd.Broadcast(queryScales[head]);
                TSimd.Store(score, TSimd.Multiply(TSimd.Load(score), factor));
                TSimd.Store(score + TSimd.Width, TSimd.Multiply(TSimd.Load(score + TSimd.Width), factor));
            }
        }
    }

    [MethodImpl(JitOptions.Loop)]
    private static void AddEight(float* query0, nint pitch, float* columns, ushort* scales, float* scores)
    {
        int width = TSimd.Width;
        float* query4 = query0 + 4 * pitch;
        float* end = columns + ColumnsPerGroup * width;
        TVector s00 = TSimd.Zero, s01 = s00, s10 = s00, s11 = s00, s20 = s00, s21 = s00, s30 = s00, s31 = s00;
        TVector s40 = s00, s41 = s00, s50 = s00, s51 = s00, s60 = s00, s61 = s00, s70 = s00, s71 = s00;
        for (; columns < end; columns += width, query0 += 2, query4 += 2)
        {
            TSimd.SplitInt8(TSimd.Load(columns), out TVector k0, out TVector l0);
            TSimd.SplitInt8(TSimd.Load(columns + ColumnsPerGroup * width), out TVector k1, out TVector l1);
            TVector x = TSimd.Broadcast(query0[0]);
            s00 = TSimd.AddPairProducts(x, k0, s00);
            s01 = TSimd.AddPairProducts(x, k1, s01);
            x = TSimd.Broadcast(query0[pitch]);
            s10 = TSimd.AddPairProducts(x, k0, s10);
            s11 = TSimd.AddPairProducts(x, k1, s11);
            x = TSimd.Broadcast(query0[2 * pitch]);
            s20 = TSimd.AddPairProducts(x, k0, s20);
            s21 = TSimd.AddPairProducts(x, k1, s21);
            x = TSimd.Broadcast(query0[3 * pitch]);
            s30 = TSimd.AddPairProducts(x, k0, s30);
            s31 = TSimd.AddPairProducts(x, k1, s31);
            x = TSimd.Broadcast(query4[0]);
            s40 = TSimd.AddPairProducts(x, k0, s40);
            s41 = TSimd.AddPairProducts(x, k1, s41);
            x = TSimd.Broadcast(query4[pitch]);
            s50 = TSimd.AddPairProducts(x, k0, s50);
            s51 = TSimd.AddPairProducts(x, k1, s51);
            x = TSimd.Broadcast(query4[2 * pitch]);
            s60 = TSimd.AddPairProducts(x, k0, s60);
            s61 = TSimd.AddPairProducts(x, k1, s61);
            x = TSimd.Broadcast(query4[3 * pitch]);
            s70 = TSimd.AddPairProducts(x, k0, s70);
            s71 = TSimd.AddPairProducts(x, k1, s71);
            x = TSimd.Broadcast(query0[1]);
            s00 = TSimd.AddPairProducts(x, l0, s00);
            s01 = TSimd.AddPairProducts(x, l1, s01);
            x = TSimd.Broadcast(query0[pitch + 1]);
            s10 = TSimd.AddPairProducts(x, l0, s10);
            s11 = TSimd.AddPairProducts(x, l1, s11);
            x = TSimd.Broadcast(query0[2 * pitch + 1]);
            s20 = TSimd.AddPairProducts(x, l0, s20);
            s21 = TSimd.AddPairProducts(x, l1, s21);
            x = TSimd.Broadcast(query0[3 * pitch + 1]);
            s30 = TSimd.AddPairProducts(x, l0, s30);
            s31 = TSimd.AddPairProducts(x, l1, s31);
            x = TSimd.Broadcast(query4[1]);
            s40 = TSimd.AddPairProducts(x, l0, s40);
            s41 = TSimd.AddPairProducts(x, l1, s41);
            x = TSimd.Broadcast(query4[pitch + 1]);
            s50 = TSimd.AddPairProducts(x, l0, s50);
            s51 = TSimd.AddPairProducts(x, l1, s51);
            x = TSimd.Broadcast(query4[2 * pitch + 1]);
            s60 = TSimd.AddPairProducts(x, l0, s60);
            s61 = TSimd.AddPairProducts(x, l1, s61);
            x = TSimd.Broadcast(query4[3 * pitch + 1]);
            s70 = TSimd.AddPairProducts(x, l0, s70);
            s71 = TSimd.AddPairProducts(x, l1, s71);
        }

        TVector scale0 = TSimd.LoadF16(scales), scale1 = TSimd.LoadF16(scales + width);
        Add(s00, scale0, scores);
        Add(s01, scale1, scores + width);
        Add(s10, scale0, scores + DecodeBlock.Rows);
        Add(s11, scale1, scores + DecodeBlock.Rows + width);
        Add(s20, scale0, scores + 2 * DecodeBlock.Rows);
        Add(s21, scale1, scores + 2 * DecodeBlock.Rows + width);
        Add(s30, scale0, scores + 3 * DecodeBlock.Rows);
        Add(s31, scale1, scores + 3 * DecodeBlock.Rows + width);
        Add(s40, scale0, scores + 4 * DecodeBlock.Rows);
        Add(s41, scale1, scores + 4 * DecodeBlock.Rows + width);
        Add(s50, scale0, scores + 5 * DecodeBlock.Rows);
        Add(s51, scale1, scores + 5 * DecodeBlock.Rows + width);
        Add(s60, scale0, scores + 6 * DecodeBlock.Rows);
        Add(s61, scale1, scores + 6 * DecodeBlock.Rows + width);
        Add(s70, scale0, scores + 7 * DecodeBlock.Rows);
        Add(s71, scale1, scores + 7 * DecodeBlock.Rows + width);
    }

    [MethodImpl(JitOptions.Loop)]
    private static void AddFour(float* query0, nint pitch, float* columns, ushort* scales, float* scores)
    {
        int width = TSimd.Width;
        float* query1 = query0 + pitch, query2 = query1 + pitch, query3 = query2 + pitch;
        float* end = columns + ColumnsPerGroup * width;
        TVector s00 = TSimd.Zero, s01 = s00, s10 = s00, s11 = s00, s20 = s00, s21 = s00, s30 = s00, s31 = s00;
        for (; columns < end; columns += width, query0 += 2, query1 += 2, query2 += 2, query3 += 2)
        {
            TSimd.SplitInt8(TSimd.Load(columns), out TVector k0, out TVector l0);
            TSimd.SplitInt8(TSimd.Load(columns + ColumnsPerGroup * width), out TVector k1, out TVector l1);
            TVector x = TSimd.Broadcast(query0[0]);
            s00 = TSimd.AddPairProducts(x, k0, s00);
            s01 = TSimd.AddPairProducts(x, k1, s01);
            x = TSimd.Broadcast(query1[0]);
            s10 = TSimd.AddPairProducts(x, k0, s10);
            s11 = TSimd.AddPairProducts(x, k1, s11);
            x = TSimd.Broadcast(query2[0]);
            s20 = TSimd.AddPairProducts(x, k0, s20);
            s21 = TSimd.AddPairProducts(x, k1, s21);
            x = TSimd.Broadcast(query3[0]);
            s30 = TSimd.AddPairProducts(x, k0, s30);
            s31 = TSimd.AddPairProducts(x, k1, s31);
            x = TSimd.Broadcast(query0[1]);
            s00 = TSimd.AddPairProducts(x, l0, s00);
            s01 = TSimd.AddPairProducts(x, l1, s01);
            x = TSimd.Broadcast(query1[1]);
            s10 = TSimd.AddPairProducts(x, l0, s10);
            s11 = TSimd.AddPairProducts(x, l1, s11);
            x = TSimd.Broadcast(query2[1]);
            s20 = TSimd.AddPairProducts(x, l0, s20);
            s21 = TSimd.AddPairProducts(x, l1, s21);
            x = TSimd.Broadcast(query3[1]);
            s30 = TSimd.AddPairProducts(x, l0, s30);
            s31 = TSimd.AddPairProducts(x, l1, s31);
        }

        TVector scale0 = TSimd.LoadF16(scales), scale1 = TSimd.LoadF16(scales + width);
        Add(s00, scale0, scores);
        Add(s01, scale1, scores + width);
        Add(s10, scale0, scores + DecodeBlock.Rows);
        Add(s11, scale1, scores + DecodeBlock.Rows + width);
        Add(s20, scale0, scores + 2 * DecodeBlock.Rows);
        Add(s21, scale1, scores + 2 * DecodeBlock.Rows + width);
        Add(s30, scale0, scores + 3 * DecodeBlock.Rows);
        Add(s31, scale1, scores + 3 * DecodeBlock.Rows + width);
    }

    [MethodImpl(JitOptions.Loop)]
    private static void AddOne(float* query, float* columns, ushort* scales, float* scores)
    {
        int width = TSimd.Width;
        float* end = columns + ColumnsPerGroup * width;
        TVector s0 = TSimd.Zero, s1 = s0;
        for (; columns < end; columns += width, query += 2)
        {
            TSimd.SplitInt8(TSimd.Load(columns), out TVector k0, out TVector l0);
            TSimd.SplitInt8(TSimd.Load(columns + ColumnsPerGroup * width), out TVector k1, out TVector l1);
            TVector x = TSimd.Broadcast(query[0]);
            s0 = TSimd.AddPairProducts(x, k0, s0);
            s1 = TSimd.AddPairProducts(x, k1, s1);
            x = TSimd.Broadcast(query[1]);
            s0 = TSimd.AddPairProducts(x, l0, s0);
            s1 = TSimd.AddPairProducts(x, l1, s1);
        }

        Add(s0, TSimd.LoadF16(scales), scores);
        Add(s1, TSimd.LoadF16(scales + width), scores + width);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add(TVector products, TVector scale, float* scores) =>
        TSimd.Store(scores, TSimd.MultiplyAdd(TSimd.IntegersToFloats(products), scale, TSimd.Load(scores)));
}
