using System.Runtime.CompilerServices;
using MoA.Engine.Numerics;

namespace MoA.Engine.Kernels;

/// <summary>
/// Products of 1, 2, 4 or 8 query heads with stored rows. Every number is loaded and widened once for all heads of the
/// tile; eight sums in registers hide the latency of the multiply-add. Scores and weights stand head by head within a row.
/// </summary>
internal readonly unsafe struct DecodeTile<TSimd, TVector, TRows> : IDecodeTile
    where TSimd : ISimd<TVector>
    where TVector : struct
    where TRows : IRowPairs
{
    private readonly float* _queries;
    private readonly int _size;

    /// <param name="queries">Room for the queries of all heads.</param>
    /// <param name="size">Elements of a row, a multiple of <see cref="Columns"/>, and of 32 in Q8_0.</param>
    public DecodeTile(float* queries, int size)
    {
        _queries = queries;
        _size = size;
    }

    /// <summary>Elements of a row that are read at a time.</summary>
    public static int Columns
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 2 * TSimd.Width;
    }

    // Bytes of `Columns` elements, scales included.
    private static int ColumnBytes
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => (Columns * TRows.GroupBytes + BlockQ8.Elements - 1) / BlockQ8.Elements;
    }

    private nint BytesPerRow => (nint)_size * TRows.GroupBytes / BlockQ8.Elements;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void SetQuery(int head, float* query, float scale)
    {
        float* to = _queries + (nint)head * _size;
        if (!TRows.Interleaved)
        {
            OnlineSoftmax<TSimd, TVector>.Scale(query, to, _size, scale);
            return;
        }

        for (float* end = to + _size; to < end; to += Columns, query += Columns)
        {
            for (int i = 0; i < TSimd.Width; i++)
            {
                to[i] = query[2 * i] * scale;
                to[i + TSimd.Width] = query[2 * i + 1] * scale;
            }
        }
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void WriteOutput(float* output, float* to, float scale)
    {
        if (!TRows.Interleaved)
        {
            OnlineSoftmax<TSimd, TVector>.Scale(output, to, _size, scale);
            return;
        }

        for (float* end = to + _size; to < end; to += Columns, output += Columns)
        {
            for (int i = 0; i < TSimd.Width; i++)
            {
                to[2 * i] = output[i] * scale;
                to[2 * i + 1] = output[i + TSimd.Width] * scale;
            }
        }
    }

    /// <inheritdoc/>
    public void Score(int head, int heads, byte* keys, int rows, float* scores, Prefetch next)
    {
        float* queries = _queries + (nint)head * _size;
        if (heads == 8)
            ScoreEight(queries, keys, rows, scores, next);
        else if (heads == 4)
            ScoreFour(queries, keys, rows, scores, next);
        else if (heads == 2)
            ScoreTwo(queries, keys, rows, scores, next);
        else
            ScoreOne(queries, keys, rows, scores, next);
    }

    /// <inheritdoc/>
    public void AddWeighted(int head, int heads, float* weights, byte* values, int rows, float* outputs, Prefetch next)
    {
        if (heads == 8)
        {
            AddFour(weights, 8, values, rows, outputs, next);
            AddFour(weights + 4, 8, values, rows, outputs + 4 * (nint)_size, next);
        }
        else if (heads == 4)
        {
            AddFour(weights, 4, values, rows, outputs, next);
        }
        else if (heads == 2)
        {
            AddTwo(weights, values, rows, outputs, next);
        }
        else
        {
            AddOne(weights, values, rows, outputs, next);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void ScoreOne(float* query, byte* keys, int rows, float* scores, Prefetch next)
    {
        int size = _size;
        nint bytesPerRow = BytesPerRow;
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

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void ScoreTwo(float* queries, byte* keys, int rows, float* scores, Prefetch next)
    {
        int size = _size;
        nint bytesPerRow = BytesPerRow;
        float* query1 = queries + size;
        for (nint row = 0; row < rows; row += 2)
        {
            nint row1 = Math.Min(row + 1, rows - 1);
            byte* key0 = keys + row * bytesPerRow, key1 = keys + row1 * bytesPerRow;
            TVector s00 = TSimd.Zero, s01 = TSimd.Zero, s10 = TSimd.Zero, s11 = TSimd.Zero;
            TVector t00 = TSimd.Zero, t01 = TSimd.Zero, t10 = TSimd.Zero, t11 = TSimd.Zero;
            nint ahead = row * bytesPerRow;
            for (nint d = 0; d < size; d += Columns, ahead += 2 * ColumnBytes)
            {
                next.Step(ahead, 2 * ColumnBytes);
                TRows.Load<TSimd, TVector>(key0, d, out TVector k0, out TVector l0);
                TRows.Load<TSimd, TVector>(key1, d, out TVector k1, out TVector l1);
                TVector q = TSimd.Load(queries + d);
                s00 = TSimd.MultiplyAdd(q, k0, s00);
                s10 = TSimd.MultiplyAdd(q, k1, s10);
                q = TSimd.Load(query1 + d);
                s01 = TSimd.MultiplyAdd(q, k0, s01);
                s11 = TSimd.MultiplyAdd(q, k1, s11);
                q = TSimd.Load(queries + d + TSimd.Width);
                t00 = TSimd.MultiplyAdd(q, l0, t00);
                t10 = TSimd.MultiplyAdd(q, l1, t10);
                q = TSimd.Load(query1 + d + TSimd.Width);
                t01 = TSimd.MultiplyAdd(q, l0, t01);
                t11 = TSimd.MultiplyAdd(q, l1, t11);
            }

            TSimd.StoreSums(
                scores + 2 * row, TSimd.Add(s00, t00), TSimd.Add(s01, t01), TSimd.Add(s10, t10), TSimd.Add(s11, t11));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void ScoreFour(float* queries, byte* keys, int rows, float* scores, Prefetch next)
    {
        int size = _size;
        nint bytesPerRow = BytesPerRow;
        float* query1 = queries + size, query2 = query1 + size, query3 = query2 + size;
        for (nint row = 0; row < rows; row++, keys += bytesPerRow)
        {
            TVector s0 = TSimd.Zero, s1 = TSimd.Zero, s2 = TSimd.Zero, s3 = TSimd.Zero;
            TVector t0 = TSimd.Zero, t1 = TSimd.Zero, t2 = TSimd.Zero, t3 = TSimd.Zero;
            nint ahead = row * bytesPerRow;
            for (nint d = 0; d < size; d += Columns, ahead += ColumnBytes)
            {
                next.Step(ahead, ColumnBytes);
                TRows.Load<TSimd, TVector>(keys, d, out TVector k, out TVector l);
                s0 = TSimd.MultiplyAdd(TSimd.Load(queries + d), k, s0);
                s1 = TSimd.MultiplyAdd(TSimd.Load(query1 + d), k, s1);
                s2 = TSimd.MultiplyAdd(TSimd.Load(query2 + d), k, s2);
                s3 = TSimd.MultiplyAdd(TSimd.Load(query3 + d), k, s3);
                t0 = TSimd.MultiplyAdd(TSimd.Load(queries + d + TSimd.Width), l, t0);
                t1 = TSimd.MultiplyAdd(TSimd.Load(query1 + d + TSimd.Width), l, t1);
                t2 = TSimd.MultiplyAdd(TSimd.Load(query2 + d + TSimd.Width), l, t2);
                t3 = TSimd.MultiplyAdd(TSimd.Load(query3 + d + TSimd.Width), l, t3);
            }

            TSimd.StoreSums(
                scores + 4 * row, TSimd.Add(s0, t0), TSimd.Add(s1, t1), TSimd.Add(s2, t2), TSimd.Add(s3, t3));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void ScoreEight(float* queries, byte* keys, int rows, float* scores, Prefetch next)
    {
        int size = _size;
        nint bytesPerRow = BytesPerRow;
        float* query1 = queries + size, query2 = query1 + size, query3 = query2 + size;
        float* query4 = query3 + size, query5 = query4 + size, query6 = query5 + size, query7 = query6 + size;
        for (nint row = 0; row < rows; row++, keys += bytesPerRow)
        {
            TVector s0 = TSimd.Zero, s1 = TSimd.Zero, s2 = TSimd.Zero, s3 = TSimd.Zero;
            TVector s4 = TSimd.Zero, s5 = TSimd.Zero, s6 = TSimd.Zero, s7 = TSimd.Zero;
            nint ahead = row * bytesPerRow;
            for (nint d = 0; d < size; d += Columns, ahead += ColumnBytes)
            {
                next.Step(ahead, ColumnBytes);
                TRows.Load<TSimd, TVector>(keys, d, out TVector k, out TVector l);
                s0 = TSimd.MultiplyAdd(TSimd.Load(queries + d), k, s0);
                s1 = TSimd.MultiplyAdd(TSimd.Load(query1 + d), k, s1);
                s2 = TSimd.MultiplyAdd(TSimd.Load(query2 + d), k, s2);
                s3 = TSimd.MultiplyAdd(TSimd.Load(query3 + d), k, s3);
                s4 = TSimd.MultiplyAdd(TSimd.Load(query4 + d), k, s4);
                s5 = TSimd.MultiplyAdd(TSimd.Load(query5 + d), k, s5);
                s6 = TSimd.MultiplyAdd(TSimd.Load(query6 + d), k, s6);
                s7 = TSimd.MultiplyAdd(TSimd.Load(query7 + d), k, s7);
                s0 = TSimd.MultiplyAdd(TSimd.Load(queries + d + TSimd.Width), l, s0);
                s1 = TSimd.MultiplyAdd(TSimd.Load(query1 + d + TSimd.Width), l, s1);
                s2 = TSimd.MultiplyAdd(TSimd.Load(query2 + d + TSimd.Width), l, s2);
                s3 = TSimd.MultiplyAdd(TSimd.Load(query3 + d + TSimd.Width), l, s3);
                s4 = TSimd.MultiplyAdd(TSimd.Load(query4 + d + TSimd.Width), l, s4);
                s5 = TSimd.MultiplyAdd(TSimd.Load(query5 + d + TSimd.Width), l, s5);
                s6 = TSimd.MultiplyAdd(TSimd.Load(query6 + d + TSimd.Width), l, s6);
                s7 = TSimd.MultiplyAdd(TSimd.Load(query7 + d + TSimd.Width), l, s7);
            }

            TSimd.StoreSums(scores + 8 * row, s0, s1, s2, s3);
            TSimd.StoreSums(scores + 8 * row + 4, s4, s5, s6, s7);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void AddFour(float* weights, int lanes, byte* values, int rows, float* outputs, Prefetch next)
    {
        int size = _size, width = TSimd.Width;
        nint bytesPerRow = BytesPerRow;
        nint d = 0;
        for (; d <= size - 1 * Columns; d += 1 * Columns)
        {
            float* output0 = outputs + d, output1 = output0 + size, output2 = output1 + size, output3 = output2 + size;
            TVector s00 = TSimd.Load(output0), s01 = TSimd.Load(output0 + width);
            TVector s10 = TSimd.Load(output1), s11 = TSimd.Load(output1 + width);
            TVector s20 = TSimd.Load(output2), s21 = TSimd.Load(output2 + width);
            TVector s30 = TSimd.Load(output3), s31 = TSimd.Load(output3 + width);
            byte* value = values;
            float* weight = weights;
            nint ahead = d / Columns * rows * ColumnBytes;
            for (int row = 0; row < rows; row++, value += bytesPerRow, weight += lanes, ahead += ColumnBytes)
            {
                next.Step(ahead, ColumnBytes);
                TRows.Load<TSimd, TVector>(value, d, out TVector v0, out TVector v1);
                TVector w = TSimd.Broadcast(weight[0]);
                s00 = TSimd.MultiplyAdd(w, v0, s00);
                s01 = TSimd.MultiplyAdd(w, v1, s01);
                w = TSimd.Broadcast(weight[1]);
                s10 = TSimd.MultiplyAdd(w, v0, s10);
                s11 = TSimd.MultiplyAdd(w, v1, s11);
                w = TSimd.Broadcast(weight[2]);
                s20 = TSimd.MultiplyAdd(w, v0, s20);
                s21 = TSimd.MultiplyAdd(w, v1, s21);
                w = TSimd.Broadcast(weight[3]);
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

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void AddTwo(float* weights, byte* values, int rows, float* outputs, Prefetch next)
    {
        int size = _size, width = TSimd.Width;
        nint bytesPerRow = BytesPerRow;
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
            for (int row = 0; row < rows; row++, value += bytesPerRow, weight += 2, ahead += 2 * ColumnBytes)
            {
                next.Step(ahead, 2 * ColumnBytes);
                TVector w0 = TSimd.Broadcast(weight[0]);
                TVector w1 = TSimd.Broadcast(weight[1]);
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

        AddRest(2, d, weights, values, rows, outputs);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void AddOne(float* weights, byte* values, int rows, float* outputs, Prefetch next)
    {
        int size = _size, width = TSimd.Width;
        nint bytesPerRow = BytesPerRow;
        nint d = 0;
        for (; d <= size - 2 * Columns; d += 2 * Columns)
        {
            float* output0 = outputs + d;
            TVector s00 = TSimd.Load(output0), s01 = TSimd.Load(output0 + width);
            TVector s02 = TSimd.Load(output0 + 2 * width), s03 = TSimd.Load(output0 + 3 * width);
            byte* value = values;
            float* weight = weights;
            nint ahead = d / Columns * rows * ColumnBytes;
            for (int row = 0; row < rows; row++, value += bytesPerRow, weight += 1, ahead += 2 * ColumnBytes)
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

        AddRest(1, d, weights, values, rows, outputs);
    }

    // The columns from `first` on that do not fill a tile.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void AddRest(int heads, nint first, float* weights, byte* values, int rows, float* outputs)
    {
        nint bytesPerRow = BytesPerRow;
        for (nint d = first; d < _size; d += Columns)
        {
            for (int head = 0; head < heads; head++)
            {
                float* output = outputs + head * (nint)_size + d;
                TVector s0 = TSimd.Load(output), s1 = TSimd.Load(output + TSimd.Width);
                for (nint row = 0; row < rows; row++)
                {
                    TVector w = TSimd.Broadcast(weights[row * heads + head]);
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
