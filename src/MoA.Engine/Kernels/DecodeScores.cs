using System.Runtime.CompilerServices;
using MoA.Engine.Numerics;

namespace MoA.Engine.Kernels;

/// <summary>
/// Scores of one, two or four query heads: lanes are elements, and what they hold is added up at the end of a row. Scores are
/// [heads, <see cref="DecodeBlock.Rows"/>].
/// </summary>
internal static unsafe class DecodeScores<TSimd, TVector, TRows>
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
    public static void ScoreOne(float* query, int size, byte* keys, int rows, float* scores, Prefetch next)
    {
        nint bytesPerRow = DecodeBlock.Bytes<TRows>(size);
        for (nint row = 0; row < rows; row += 4)
        {
            // Beyond the last row there are no rows to read, only scores to spoil.
            nint last = rows - 1 - row, row1 = row + Math.Min(1, last), row2 = row + Math.Min(2, last);
            nint row3 = row + Math.Min(3, last);
            byte* key0 = keys + row * bytesPerRow, key1 = keys + row1 * bytesPerRow, key2 = keys + row2 * bytesPerRow;
            byte* key3 = keys + row3 * bytesPerRow;
            TVector s0 = TSimd.Zero, s1 = TSimd.Zero, s2 = TSimd.Zero, s3 = TSimd.Zero;
            TVector t0 = TSimd.Zero, t1 = TSimd.Zero, t2 = TSimd.Zero, t3 = TSimd.Zero;
            nint ahead = row * bytesPerRow;
            for (nint d = 0; d < size; d += Columns, ahead += 4 * ColumnBytes)
            {
                next.Step(ahead, 4 * ColumnBytes);
                TVector q = TSimd.Load(query + d), r = TSimd.Load(query + d + TSimd.Width);
                TRows.Load<TSimd, TVector>(key0, d, out TVector k, out TVector l);
                s0 = TSimd.MultiplyAdd(q, k, s0);
                t0 = TSimd.MultiplyAdd(r, l, t0);
                TRows.Load<TSimd, TVector>(key1, d, out k, out l);
                s1 = TSimd.MultiplyAdd(q, k, s1);
                t1 = TSimd.MultiplyAdd(r, l, t1);
                TRows.Load<TSimd, TVector>(key2, d, out k, out l);
                s2 = TSimd.MultiplyAdd(q, k, s2);
                t2 = TSimd.MultiplyAdd(r, l, t2);
                TRows.Load<TSimd, TVector>(key3, d, out k, out l);
                s3 = TSimd.MultiplyAdd(q, k, s3);
                t3 = TSimd.MultiplyAdd(r, l, t3);
            }

            TSimd.StoreSums(
                scores + row, TSimd.Add(s0, t0), TSimd.Add(s1, t1), TSimd.Add(s2, t2), TSimd.Add(s3, t3));
        }
    }

    [MethodImpl(JitOptions.Loop)]
    public static void ScoreTwo(float* queries, int size, byte* keys, int rows, float* scores, Prefetch next)
    {
        nint bytesPerRow = DecodeBlock.Bytes<TRows>(size);
        float* query1 = queries + size;
        for (nint row = 0; row < rows; row += 4)
        {
            nint last = rows - 1 - row, row1 = row + Math.Min(1, last), row2 = row + Math.Min(2, last);
            nint row3 = row + Math.Min(3, last);
            byte* key0 = keys + row * bytesPerRow, key1 = keys + row1 * bytesPerRow, key2 = keys + row2 * bytesPerRow;
            byte* key3 = keys + row3 * bytesPerRow;
            TVector s0 = TSimd.Zero, s1 = TSimd.Zero, s2 = TSimd.Zero, s3 = TSimd.Zero;
            TVector t0 = TSimd.Zero, t1 = TSimd.Zero, t2 = TSimd.Zero, t3 = TSimd.Zero;
            nint ahead = row * bytesPerRow;
            for (nint d = 0; d < size; d += Columns, ahead += 4 * ColumnBytes)
            {
                next.Step(ahead, 4 * ColumnBytes);
                TVector q0 = TSimd.Load(queries + d), r0 = TSimd.Load(queries + d + TSimd.Width);
                TVector q1 = TSimd.Load(query1 + d), r1 = TSimd.Load(query1 + d + TSimd.Width);
                TRows.Load<TSimd, TVector>(key0, d, out TVector k, out TVector l);
                s0 = TSimd.MultiplyAdd(r0, l, TSimd.MultiplyAdd(q0, k, s0));
                t0 = TSimd.MultiplyAdd(r1, l, TSimd.MultiplyAdd(q1, k, t0));
                TRows.Load<TSimd, TVector>(key1, d, out k, out l);
                s1 = TSimd.MultiplyAdd(r0, l, TSimd.MultiplyAdd(q0, k, s1));
                t1 = TSimd.MultiplyAdd(r1, l, TSimd.MultiplyAdd(q1, k, t1));
                TRows.Load<TSimd, TVector>(key2, d, out k, out l);
                s2 = TSimd.MultiplyAdd(r0, l, TSimd.MultiplyAdd(q0, k, s2));
                t2 = TSimd.MultiplyAdd(r1, l, TSimd.MultiplyAdd(q1, k, t2));
                TRows.Load<TSimd, TVector>(key3, d, out k, out l);
                s3 = TSimd.MultiplyAdd(r0, l, TSimd.MultiplyAdd(q0, k, s3));
                t3 = TSimd.MultiplyAdd(r1, l, TSimd.MultiplyAdd(q1, k, t3));
            }

            TSimd.StoreSums(scores + row, s0, s1, s2, s3);
            TSimd.StoreSums(scores + DecodeBlock.Rows + row, t0, t1, t2, t3);
        }
    }

    /// <summary>Four rows and four heads at a time: sixteen sums, for which only 32 registers have room.</summary>
    [MethodImpl(JitOptions.Loop)]
    public static void ScoreFour(float* queries, int size, byte* keys, int rows, float* scores, Prefetch next, nint ahead)
    {
        nint bytesPerRow = DecodeBlock.Bytes<TRows>(size);
        for (nint row = 0; row < rows; row += 4)
        {
            nint last = rows - 1 - row, row1 = row + Math.Min(1, last), row2 = row + Math.Min(2, last);
            nint row3 = row + Math.Min(3, last);
            byte* key0 = keys + row * bytesPerRow, key1 = keys + row1 * bytesPerRow, key2 = keys + row2 * bytesPerRow;
            byte* key3 = keys + row3 * bytesPerRow;
            TVector s0 = TSimd.Zero, s1 = s0, s2 = s0, s3 = s0, t0 = s0, t1 = s0, t2 = s0, t3 = s0;
            TVector u0 = s0, u1 = s0, u2 = s0, u3 = s0, v0 = s0, v1 = s0, v2 = s0, v3 = s0;
            float* query = queries;
            for (nint d = 0; d < size; d += Columns, query += Columns, ahead += 4 * ColumnBytes)
            {
                next.Step(ahead, 4 * ColumnBytes);
                TRows.Load<TSimd, TVector>(key0, d, out TVector k0, out TVector l0);
                TRows.Load<TSimd, TVector>(key1, d, out TVector k1, out TVector l1);
                TRows.Load<TSimd, TVector>(key2, d, out TVector k2, out TVector l2);
                TRows.Load<TSimd, TVector>(key3, d, out TVector k3, out TVector l3);
                TVector q = TSimd.Load(query);
                TVector r = TSimd.Load(query + TSimd.Width);
                s0 = TSimd.MultiplyAdd(q, k0, s0);
                s1 = TSimd.MultiplyAdd(q, k1, s1);
                s2 = TSimd.MultiplyAdd(q, k2, s2);
                s3 = TSimd.MultiplyAdd(q, k3, s3);
                s0 = TSimd.MultiplyAdd(r, l0, s0);
                s1 = TSimd.MultiplyAdd(r, l1, s1);
                s2 = TSimd.MultiplyAdd(r, l2, s2);
                s3 = TSimd.MultiplyAdd(r, l3, s3);
                q = TSimd.Load(query + size);
                r = TSimd.Load(query + size + TSimd.Width);
                t0 = TSimd.MultiplyAdd(q, k0, t0);
                t1 = TSimd.MultiplyAdd(q, k1, t1);
                t2 = TSimd.MultiplyAdd(q, k2, t2);
                t3 = TSimd.MultiplyAdd(q, k3, t3);
                t0 = TSimd.MultiplyAdd(r, l0, t0);
                t1 = TSimd.MultiplyAdd(r, l1, t1);
                t2 = TSimd.MultiplyAdd(r, l2, t2);
                t3 = TSimd.MultiplyAdd(r, l3, t3);
                q = TSimd.Load(query + 2 * (nint)size);
                r = TSimd.Load(query + 2 * (nint)size + TSimd.Width);
                u0 = TSimd.MultiplyAdd(q, k0, u0);
                u1 = TSimd.MultiplyAdd(q, k1, u1);
                u2 = TSimd.MultiplyAdd(q, k2, u2);
                u3 = TSimd.MultiplyAdd(q, k3, u3);
                u0 = TSimd.MultiplyAdd(r, l0, u0);
                u1 = TSimd.MultiplyAdd(r, l1, u1);
                u2 = TSimd.MultiplyAdd(r, l2, u2);
                u3 = TSimd.MultiplyAdd(r, l3, u3);
                q = TSimd.Load(query + 3 * (nint)size);
                r = TSimd.Load(query + 3 * (nint)size + TSimd.Width);
                v0 = TSimd.MultiplyAdd(q, k0, v0);
                v1 = TSimd.MultiplyAdd(q, k1, v1);
                v2 = TSimd.MultiplyAdd(q, k2, v2);
                v3 = TSimd.MultiplyAdd(q, k3, v3);
                v0 = TSimd.MultiplyAdd(r, l0, v0);
                v1 = TSimd.MultiplyAdd(r, l1, v1);
                v2 = TSimd.MultiplyAdd(r, l2, v2);
                v3 = TSimd.MultiplyAdd(r, l3, v3);
            }

            TSimd.StoreSums(scores + row, s0, s1, s2, s3);
            TSimd.StoreSums(scores + DecodeBlock.Rows + row, t0, t1, t2, t3);
            TSimd.StoreSums(scores + 2 * DecodeBlock.Rows + row, u0, u1, u2, u3);
            TSimd.StoreSums(scores + 3 * DecodeBlock.Rows + row, v0, v1, v2, v3);
        }
    }
}
