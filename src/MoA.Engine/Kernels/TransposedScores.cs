using System.Runtime.CompilerServices;
using MoA.Engine.Numerics;

namespace MoA.Engine.Kernels;

/// <summary>
/// Scores of four or eight query heads. Keys are transposed, so that lanes are rows and scores need no sums across lanes:
/// with many heads these would cost as much as the products. Scores are [heads, <see cref="DecodeBlock.Rows"/>].
/// </summary>
internal static unsafe class TransposedScores<TSimd, TVector, TRows>
    where TSimd : ISimd<TVector>
    where TVector : struct
    where TRows : IRowPairs
{
    private static int RowsAtOnce
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 2 * TSimd.Width;
    }

    private static int PairBytes
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => DecodeBlock.Bytes<TRows>(2);
    }

    /// <summary>Writes the scores of whole vectors of rows; those beyond the last row may be anything.</summary>
    /// <param name="queries">[heads, size], in the order of the rows' elements.</param>
    /// <param name="heads">4 or 8.</param>
    /// <param name="size">Elements of a row.</param>
    /// <param name="keys">Rows.</param>
    /// <param name="rows">Number of rows.</param>
    /// <param name="scores">[heads, <see cref="DecodeBlock.Rows"/>].</param>
    /// <param name="scratch"><see cref="DecodeBlock.Floats"/>.</param>
    /// <param name="next">What to ask for meanwhile.</param>
    public static void Score(
        float* queries, int heads, int size, byte* keys, int rows, float* scores, float* scratch, Prefetch next)
    {
        nint bytesPerRow = DecodeBlock.Bytes<TRows>(size);
        float* columns = scratch + RowsAtOnce * size;
        int share = heads / 8;
        next = next with { Share = next.Share + share };
        for (nint row = 0; row < rows; row += RowsAtOnce)
        {
            byte* key = DecodeBlock.Filled(keys + row * bytesPerRow, rows - row, RowsAtOnce, bytesPerRow, scratch);
            for (nint at = 0; at < bytesPerRow; at += 4 * DecodeBlock.Columns)
            {
                nint bytes = Math.Min(bytesPerRow - at, 4 * DecodeBlock.Columns), pairs = bytes / PairBytes;
                DecodeBlock.Transpose<TSimd, TVector>(key + at, bytesPerRow, bytes / 4, columns);
                nint ahead = (row * bytesPerRow + RowsAtOnce * at) << share;
                for (nint head = 0; head < heads; head += 4, ahead += RowsAtOnce * bytes)
                {
                    float* query = queries + head * size + 2 * (at / PairBytes);
                    AddFour(query, size, columns, pairs, scores + head * DecodeBlock.Rows + row, at == 0, next, ahead);
                }
            }
        }
    }

    [MethodImpl(JitOptions.Loop)]
    private static void AddFour(
        float* query0, int size, float* columns, nint pairs, float* scores, bool first, Prefetch next, nint ahead)
    {
        int width = TSimd.Width, from = TRows.Interleaved ? 1 : 2, other = TRows.Interleaved ? width : 1;
        float* query1 = query0 + size, query2 = query1 + size, query3 = query2 + size;
        byte* upper = (byte*)columns, lower = upper + pairs * PairBytes * width;
        TVector s00 = TSimd.Zero, s01 = s00, s10 = s00, s11 = s00, s20 = s00, s21 = s00, s30 = s00, s31 = s00;
        if (!first)
        {
            s00 = TSimd.Load(scores);
            s01 = TSimd.Load(scores + width);
            s10 = TSimd.Load(scores + DecodeBlock.Rows);
            s11 = TSimd.Load(scores + DecodeBlock.Rows + width);
            s20 = TSimd.Load(scores + 2 * DecodeBlock.Rows);
            s21 = TSimd.Load(scores + 2 * DecodeBlock.Rows + width);
            s30 = TSimd.Load(scores + 3 * DecodeBlock.Rows);
            s31 = TSimd.Load(scores + 3 * DecodeBlock.Rows + width);
        }

        for (nint d = 0, element = 0; d < 2 * pairs; d += 2 * width)
        {
            for (nint end = element + 2 * width * width, q = d; element < end; element += 2 * width, q += from)
            {
                next.Step(ahead, RowsAtOnce * PairBytes);
                ahead += RowsAtOnce * PairBytes;
                TRows.Load<TSimd, TVector>(upper, element, out TVector k0, out TVector l0);
                TRows.Load<TSimd, TVector>(lower, element, out TVector k1, out TVector l1);
                TVector x = TSimd.Broadcast(query0[q]);
                s00 = TSimd.MultiplyAdd(x, k0, s00);
                s01 = TSimd.MultiplyAdd(x, k1, s01);
                x = TSimd.Broadcast(query1[q]);
                s10 = TSimd.MultiplyAdd(x, k0, s10);
                s11 = TSimd.MultiplyAdd(x, k1, s11);
                x = TSimd.Broadcast(query2[q]);
                s20 = TSimd.MultiplyAdd(x, k0, s20);
                s21 = TSimd.MultiplyAdd(x, k1, s21);
                x = TSimd.Broadcast(query3[q]);
                s30 = TSimd.MultiplyAdd(x, k0, s30);
                s31 = TSimd.MultiplyAdd(x, k1, s31);
                x = TSimd.Broadcast(query0[q + other]);
                s00 = TSimd.MultiplyAdd(x, l0, s00);
                s01 = TSimd.MultiplyAdd(x, l1, s01);
                x = TSimd.Broadcast(query1[q + other]);
                s10 = TSimd.MultiplyAdd(x, l0, s10);
                s11 = TSimd.MultiplyAdd(x, l1, s11);
                x = TSimd.Broadcast(query2[q + other]);
                s20 = TSimd.MultiplyAdd(x, l0, s20);
                s21 = TSimd.MultiplyAdd(x, l1, s21);
                x = TSimd.Broadcast(query3[q + other]);
                s30 = TSimd.MultiplyAdd(x, l0, s30);
                s31 = TSimd.MultiplyAdd(x, l1, s31);
            }
        }

        TSimd.Store(scores, s00);
        TSimd.Store(scores + width, s01);
        TSimd.Store(scores + DecodeBlock.Rows, s10);
        TSimd.Store(scores + DecodeBlock.Rows + width, s11);
        TSimd.Store(scores + 2 * DecodeBlock.Rows, s20);
        TSimd.Store(scores + 2 * DecodeBlock.Rows + width, s21);
        TSimd.Store(scores + 3 * DecodeBlock.Rows, s30);
        TSimd.Store(scores + 3 * DecodeBlock.Rows + width, s31);
    }
}
