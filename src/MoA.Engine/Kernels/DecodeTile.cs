using System.Runtime.CompilerServices;
using MoA.Engine.Numerics;

namespace MoA.Engine.Kernels;

/// <summary>
/// Products of one, two or four query heads with stored rows of plain numbers. Every number is loaded and widened once for
/// all heads; eight sums in registers hide the latency of the multiply-add.
/// </summary>
internal readonly unsafe struct DecodeTile<TSimd, TVector, TRows> : IDecodeTile
    where TSimd : ISimd<TVector>
    where TVector : struct
    where TRows : IRowPairs
{
    private readonly float* _queries;
    private readonly int _size;
    private readonly nint _scoreStride;

    /// <param name="queries">Room for the queries of all heads.</param>
    /// <param name="size">Elements of a row, a multiple of <see cref="Columns"/>.</param>
    /// <param name="scoreStride">Floats from one head's scores or weights to the next's.</param>
    public DecodeTile(float* queries, int size, int scoreStride)
    {
        _queries = queries;
        _size = size;
        _scoreStride = scoreStride;
    }

    /// <summary>Elements of a row that are read at a time.</summary>
    public static int Columns
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 2 * TSimd.Width;
    }

    private nint BytesPerRow => (nint)_size * TRows.Size;

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
        if (heads == 4)
            ScoreFour(queries, keys, rows, scores, next);
        else if (heads == 2)
            ScoreTwo(queries, keys, rows, scores, next);
        else
            ScoreOne(queries, keys, rows, scores, next);
    }

    /// <inheritdoc/>
    public void AddWeighted(int head, int heads, float* weights, byte* values, int rows, float* outputs, Prefetch next)
    {
        if (heads == 4)
            AddFour(weights, values, rows, outputs, next);
        else if (heads == 2)
            AddTwo(weights, values, rows, outputs, next);
        else
            AddOne(weights, values, rows, outputs, next);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void ScoreFour(float* queries, byte* keys, int rows, float* scores, Prefetch next)
    {
        int size = _size;
        float* query1 = queries + size, query2 = query1 + size, query3 = query2 + size;
        float* scores1 = scores + _scoreStride, scores2 = scores1 + _scoreStride, scores3 = scores2 + _scoreStride;
        nint bytesPerRow = BytesPerRow;
        double* sums = stackalloc double[4];
        for (nint row = 0; row < rows; row += 2)
        {
            byte* key0 = keys + row * bytesPerRow;
            byte* key1 = row + 1 < rows ? key0 + bytesPerRow : key0;
            TVector s00 = TSimd.Zero, s01 = TSimd.Zero, s10 = TSimd.Zero, s11 = TSimd.Zero;
            TVector s20 = TSimd.Zero, s21 = TSimd.Zero, s30 = TSimd.Zero, s31 = TSimd.Zero;
            for (nint d = 0; d < size; d += Columns)
            {
                next.Step(row * bytesPerRow + 2 * d * TRows.Size, 2 * Columns * TRows.Size);
                TRows.Load<TSimd, TVector>(key0 + d * TRows.Size, out TVector k0, out TVector l0);
                TRows.Load<TSimd, TVector>(key1 + d * TRows.Size, out TVector k1, out TVector l1);
                TVector q = TSimd.Load(queries + d);
                s00 = TSimd.MultiplyAdd(q, k0, s00);
                s01 = TSimd.MultiplyAdd(q, k1, s01);
                q = TSimd.Load(query1 + d);
                s10 = TSimd.MultiplyAdd(q, k0, s10);
                s11 = TSimd.MultiplyAdd(q, k1, s11);
                q = TSimd.Load(query2 + d);
                s20 = TSimd.MultiplyAdd(q, k0, s20);
                s21 = TSimd.MultiplyAdd(q, k1, s21);
                q = TSimd.Load(query3 + d);
                s30 = TSimd.MultiplyAdd(q, k0, s30);
                s31 = TSimd.MultiplyAdd(q, k1, s31);
                q = TSimd.Load(queries + d + TSimd.Width);
                s00 = TSimd.MultiplyAdd(q, l0, s00);
                s01 = TSimd.MultiplyAdd(q, l1, s01);
                q = TSimd.Load(query1 + d + TSimd.Width);
                s10 = TSimd.MultiplyAdd(q, l0, s10);
                s11 = TSimd.MultiplyAdd(q, l1, s11);
                q = TSimd.Load(query2 + d + TSimd.Width);
                s20 = TSimd.MultiplyAdd(q, l0, s20);
                s21 = TSimd.MultiplyAdd(q, l1, s21);
                q = TSimd.Load(query3 + d + TSimd.Width);
                s30 = TSimd.MultiplyAdd(q, l0, s30);
                s31 = TSimd.MultiplyAdd(q, l1, s31);
            }

            TSimd.StoreSums((float*)sums, s00, s01, s10, s11);
            TSimd.StoreSums((float*)(sums + 2), s20, s21, s30, s31);
            *(double*)(scores + row) = sums[0];
            *(double*)(scores1 + row) = sums[1];
            *(double*)(scores2 + row) = sums[2];
            *(double*)(scores3 + row) = sums[3];
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void ScoreTwo(float* queries, byte* keys, int rows, float* scores, Prefetch next)
    {
        int size = _size;
        float* query1 = queries + size;
        nint bytesPerRow = BytesPerRow;
        for (nint row = 0; row < rows; row += 4)
        {
            nint last = rows - 1 - row;
            byte* key0 = keys + row * bytesPerRow;
            byte* key1 = key0 + Math.Min(1, last) * bytesPerRow;
            byte* key2 = key0 + Math.Min(2, last) * bytesPerRow;
            byte* key3 = key0 + Math.Min(3, last) * bytesPerRow;
            TVector s00 = TSimd.Zero, s01 = TSimd.Zero, s02 = TSimd.Zero, s03 = TSimd.Zero;
            TVector s10 = TSimd.Zero, s11 = TSimd.Zero, s12 = TSimd.Zero, s13 = TSimd.Zero;
            for (nint d = 0; d < size; d += Columns)
            {
                next.Step(row * bytesPerRow + 4 * d * TRows.Size, 4 * Columns * TRows.Size);
                TVector q0 = TSimd.Load(queries + d), r0 = TSimd.Load(queries + d + TSimd.Width);
                TVector q1 = TSimd.Load(query1 + d), r1 = TSimd.Load(query1 + d + TSimd.Width);
                TRows.Load<TSimd, TVector>(key0 + d * TRows.Size, out TVector k, out TVector l);
                s00 = TSimd.MultiplyAdd(r0, l, TSimd.MultiplyAdd(q0, k, s00));
                s10 = TSimd.MultiplyAdd(r1, l, TSimd.MultiplyAdd(q1, k, s10));
                TRows.Load<TSimd, TVector>(key1 + d * TRows.Size, out k, out l);
                s01 = TSimd.MultiplyAdd(r0, l, TSimd.MultiplyAdd(q0, k, s01));
                s11 = TSimd.MultiplyAdd(r1, l, TSimd.MultiplyAdd(q1, k, s11));
                TRows.Load<TSimd, TVector>(key2 + d * TRows.Size, out k, out l);
                s02 = TSimd.MultiplyAdd(r0, l, TSimd.MultiplyAdd(q0, k, s02));
                s12 = TSimd.MultiplyAdd(r1, l, TSimd.MultiplyAdd(q1, k, s12));
                TRows.Load<TSimd, TVector>(key3 + d * TRows.Size, out k, out l);
                s03 = TSimd.MultiplyAdd(r0, l, TSimd.MultiplyAdd(q0, k, s03));
                s13 = TSimd.MultiplyAdd(r1, l, TSimd.MultiplyAdd(q1, k, s13));
            }

            TSimd.StoreSums(scores + row, s00, s01, s02, s03);
            TSimd.StoreSums(scores + _scoreStride + row, s10, s11, s12, s13);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void ScoreOne(float* query, byte* keys, int rows, float* scores, Prefetch next)
    {
        int size = _size;
        nint bytesPerRow = BytesPerRow;
        for (nint row = 0; row < rows; row += 4)
        {
            nint last = rows - 1 - row;
            byte* key0 = keys + row * bytesPerRow;
            byte* key1 = key0 + Math.Min(1, last) * bytesPerRow;
            byte* key2 = key0 + Math.Min(2, last) * bytesPerRow;
            byte* key3 = key0 + Math.Min(3, last) * bytesPerRow;
            TVector s0 = TSimd.Zero, s1 = TSimd.Zero, s2 = TSimd.Zero, s3 = TSimd.Zero;
            TVector t0 = TSimd.Zero, t1 = TSimd.Zero, t2 = TSimd.Zero, t3 = TSimd.Zero;
            for (nint d = 0; d < size; d += Columns)
            {
                next.Step(row * bytesPerRow + 4 * d * TRows.Size, 4 * Columns * TRows.Size);
                TVector q = TSimd.Load(query + d), r = TSimd.Load(query + d + TSimd.Width);
                TRows.Load<TSimd, TVector>(key0 + d * TRows.Size, out TVector k, out TVector l);
                s0 = TSimd.MultiplyAdd(q, k, s0);
                t0 = TSimd.MultiplyAdd(r, l, t0);
                TRows.Load<TSimd, TVector>(key1 + d * TRows.Size, out k, out l);
                s1 = TSimd.MultiplyAdd(q, k, s1);
                t1 = TSimd.MultiplyAdd(r, l, t1);
                TRows.Load<TSimd, TVector>(key2 + d * TRows.Size, out k, out l);
                s2 = TSimd.MultiplyAdd(q, k, s2);
                t2 = TSimd.MultiplyAdd(r, l, t2);
                TRows.Load<TSimd, TVector>(key3 + d * TRows.Size, out k, out l);
                s3 = TSimd.MultiplyAdd(q, k, s3);
                t3 = TSimd.MultiplyAdd(r, l, t3);
            }

            TSimd.StoreSums(
                scores + row, TSimd.Add(s0, t0), TSimd.Add(s1, t1), TSimd.Add(s2, t2), TSimd.Add(s3, t3));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void AddFour(float* weights, byte* values, int rows, float* outputs, Prefetch next)
    {
        int size = _size, width = TSimd.Width;
        nint bytesPerRow = BytesPerRow;
        float* weights1 = weights + _scoreStride, weights2 = weights1 + _scoreStride, weights3 = weights2 + _scoreStride;
        nint d = 0;
        for (; d <= size - 1 * Columns; d += 1 * Columns)
        {
            float* output0 = outputs + d, output1 = output0 + size, output2 = output1 + size, output3 = output2 + size;
            TVector s00 = TSimd.Load(output0), s01 = TSimd.Load(output0 + width);
            TVector s10 = TSimd.Load(output1), s11 = TSimd.Load(output1 + width);
            TVector s20 = TSimd.Load(output2), s21 = TSimd.Load(output2 + width);
            TVector s30 = TSimd.Load(output3), s31 = TSimd.Load(output3 + width);
            byte* value = values + d * TRows.Size;
            for (nint row = 0; row < rows; row++, value += bytesPerRow)
            {
                next.Step((d * rows + Columns * row) * TRows.Size, Columns * TRows.Size);
                TRows.Load<TSimd, TVector>(value, out TVector v0, out TVector v1);
                TVector w = TSimd.Broadcast(weights[row]);
                s00 = TSimd.MultiplyAdd(w, v0, s00);
                s01 = TSimd.MultiplyAdd(w, v1, s01);
                w = TSimd.Broadcast(weights1[row]);
                s10 = TSimd.MultiplyAdd(w, v0, s10);
                s11 = TSimd.MultiplyAdd(w, v1, s11);
                w = TSimd.Broadcast(weights2[row]);
                s20 = TSimd.MultiplyAdd(w, v0, s20);
                s21 = TSimd.MultiplyAdd(w, v1, s21);
                w = TSimd.Broadcast(weights3[row]);
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
        float* weights1 = weights + _scoreStride;
        nint d = 0;
        for (; d <= size - 2 * Columns; d += 2 * Columns)
        {
            float* output0 = outputs + d, output1 = output0 + size;
            TVector s00 = TSimd.Load(output0), s01 = TSimd.Load(output0 + width);
            TVector s02 = TSimd.Load(output0 + 2 * width), s03 = TSimd.Load(output0 + 3 * width);
            TVector s10 = TSimd.Load(output1), s11 = TSimd.Load(output1 + width);
            TVector s12 = TSimd.Load(output1 + 2 * width), s13 = TSimd.Load(output1 + 3 * width);
            byte* value = values + d * TRows.Size;
            for (nint row = 0; row < rows; row++, value += bytesPerRow)
            {
                next.Step((d * rows + 2 * Columns * row) * TRows.Size, 2 * Columns * TRows.Size);
                TVector w0 = TSimd.Broadcast(weights[row]);
                TVector w1 = TSimd.Broadcast(weights1[row]);
                TRows.Load<TSimd, TVector>(value, out TVector v0, out TVector v1);
                s00 = TSimd.MultiplyAdd(w0, v0, s00);
                s10 = TSimd.MultiplyAdd(w1, v0, s10);
                s01 = TSimd.MultiplyAdd(w0, v1, s01);
                s11 = TSimd.MultiplyAdd(w1, v1, s11);
                TRows.Load<TSimd, TVector>(value + Columns * TRows.Size, out v0, out v1);
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
            byte* value = values + d * TRows.Size;
            for (nint row = 0; row < rows; row++, value += bytesPerRow)
            {
                next.Step((d * rows + 2 * Columns * row) * TRows.Size, 2 * Columns * TRows.Size);
                TVector w0 = TSimd.Broadcast(weights[row]);
                TRows.Load<TSimd, TVector>(value, out TVector v0, out TVector v1);
                s00 = TSimd.MultiplyAdd(w0, v0, s00);
                s01 = TSimd.MultiplyAdd(w0, v1, s01);
                TRows.Load<TSimd, TVector>(value + Columns * TRows.Size, out v0, out v1);
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
                float* weight = weights + head * _scoreStride;
                byte* value = values + d * TRows.Size;
                TVector s0 = TSimd.Load(output), s1 = TSimd.Load(output + TSimd.Width);
                for (nint row = 0; row < rows; row++, value += bytesPerRow)
                {
                    TVector w = TSimd.Broadcast(weight[row]);
                    TRows.Load<TSimd, TVector>(value, out TVector v0, out TVector v1);
                    s0 = TSimd.MultiplyAdd(w, v0, s0);
                    s1 = TSimd.MultiplyAdd(w, v1, s1);
                }

                TSimd.Store(output, s0);
                TSimd.Store(output + TSimd.Width, s1);
            }
        }
    }
}
