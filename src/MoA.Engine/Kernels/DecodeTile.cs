using System.Runtime.CompilerServices;
using MoA.Engine.Numerics;

namespace MoA.Engine.Kernels;

/// <summary>
/// Products of one, two or four query heads with stored rows of plain numbers. Every number is loaded and widened once for
/// all heads; eight sums in registers hide the latency of the multiply-add.
/// </summary>
internal readonly unsafe struct DecodeTile<TSimd, TVector, TStored> : IDecodeTile
    where TSimd : ISimd<TVector>
    where TVector : struct
    where TStored : IStored
{
    private readonly float* _queries;
    private readonly int _size;
    private readonly nint _scoreStride;

    /// <param name="queries">Room for the queries of all heads.</param>
    /// <param name="size">Elements of a row, a multiple of the vector's width.</param>
    /// <param name="scoreStride">Floats from one head's scores or weights to the next's.</param>
    public DecodeTile(float* queries, int size, int scoreStride)
    {
        _queries = queries;
        _size = size;
        _scoreStride = scoreStride;
    }

    private nint BytesPerRow => (nint)_size * TStored.Size;

    /// <inheritdoc/>
    public void SetQuery(int head, float* query, float scale) =>
        OnlineSoftmax<TSimd, TVector>.Scale(query, _queries + (nint)head * _size, _size, scale);

    /// <inheritdoc/>
    public void Score(int head, int heads, byte* keys, int rows, float* scores)
    {
        float* queries = _queries + (nint)head * _size;
        if (heads == 4)
            ScoreFour(queries, keys, rows, scores);
        else if (heads == 2)
            ScoreTwo(queries, keys, rows, scores);
        else
            ScoreOne(queries, keys, rows, scores);
    }

    /// <inheritdoc/>
    public void AddWeighted(int heads, float* weights, byte* values, int rows, float* outputs)
    {
        if (heads == 4)
            AddFour(weights, values, rows, outputs);
        else if (heads == 2)
            AddTwo(weights, values, rows, outputs);
        else
            AddOne(weights, values, rows, outputs);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void ScoreFour(float* queries, byte* keys, int rows, float* scores)
    {
        float* query1 = queries + _size, query2 = query1 + _size, query3 = query2 + _size;
        float* sums = stackalloc float[8];
        for (nint row = 0; row < rows; row += 2)
        {
            byte* key0 = keys + row * BytesPerRow;
            byte* key1 = row + 1 < rows ? key0 + BytesPerRow : key0;
            TVector s00 = TSimd.Zero, s01 = TSimd.Zero, s10 = TSimd.Zero, s11 = TSimd.Zero;
            TVector s20 = TSimd.Zero, s21 = TSimd.Zero, s30 = TSimd.Zero, s31 = TSimd.Zero;
            for (nint d = 0; d < _size; d += TSimd.Width)
            {
                TVector k0 = TStored.Load<TSimd, TVector>(key0 + d * TStored.Size);
                TVector k1 = TStored.Load<TSimd, TVector>(key1 + d * TStored.Size);
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
            }

            TSimd.StoreSums(sums, s00, s01, s10, s11);
            TSimd.StoreSums(sums + 4, s20, s21, s30, s31);
            for (int head = 0; head < 4; head++)
            {
                scores[head * _scoreStride + row] = sums[2 * head];
                scores[head * _scoreStride + row + 1] = sums[2 * head + 1];
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void ScoreTwo(float* queries, byte* keys, int rows, float* scores)
    {
        float* query1 = queries + _size;
        for (nint row = 0; row < rows; row += 4)
        {
            nint last = rows - 1 - row;
            byte* key0 = keys + row * BytesPerRow;
            byte* key1 = key0 + Math.Min(1, last) * BytesPerRow;
            byte* key2 = key0 + Math.Min(2, last) * BytesPerRow;
            byte* key3 = key0 + Math.Min(3, last) * BytesPerRow;
            TVector s00 = TSimd.Zero, s01 = TSimd.Zero, s02 = TSimd.Zero, s03 = TSimd.Zero;
            TVector s10 = TSimd.Zero, s11 = TSimd.Zero, s12 = TSimd.Zero, s13 = TSimd.Zero;
            for (nint d = 0; d < _size; d += TSimd.Width)
            {
                TVector q0 = TSimd.Load(queries + d);
                TVector q1 = TSimd.Load(query1 + d);
                TVector k = TStored.Load<TSimd, TVector>(key0 + d * TStored.Size);
                s00 = TSimd.MultiplyAdd(q0, k, s00);
                s10 = TSimd.MultiplyAdd(q1, k, s10);
                k = TStored.Load<TSimd, TVector>(key1 + d * TStored.Size);
                s01 = TSimd.MultiplyAdd(q0, k, s01);
                s11 = TSimd.MultiplyAdd(q1, k, s11);
                k = TStored.Load<TSimd, TVector>(key2 + d * TStored.Size);
                s02 = TSimd.MultiplyAdd(q0, k, s02);
                s12 = TSimd.MultiplyAdd(q1, k, s12);
                k = TStored.Load<TSimd, TVector>(key3 + d * TStored.Size);
                s03 = TSimd.MultiplyAdd(q0, k, s03);
                s13 = TSimd.MultiplyAdd(q1, k, s13);
            }

            TSimd.StoreSums(scores + row, s00, s01, s02, s03);
            TSimd.StoreSums(scores + _scoreStride + row, s10, s11, s12, s13);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void ScoreOne(float* query, byte* keys, int rows, float* scores)
    {
        for (nint row = 0; row < rows; row += 4)
        {
            nint last = rows - 1 - row;
            byte* key0 = keys + row * BytesPerRow;
            byte* key1 = key0 + Math.Min(1, last) * BytesPerRow;
            byte* key2 = key0 + Math.Min(2, last) * BytesPerRow;
            byte* key3 = key0 + Math.Min(3, last) * BytesPerRow;
            TVector s0 = TSimd.Zero, s1 = TSimd.Zero, s2 = TSimd.Zero, s3 = TSimd.Zero;
            for (nint d = 0; d < _size; d += TSimd.Width)
            {
                TVector q = TSimd.Load(query + d);
                s0 = TSimd.MultiplyAdd(q, TStored.Load<TSimd, TVector>(key0 + d * TStored.Size), s0);
                s1 = TSimd.MultiplyAdd(q, TStored.Load<TSimd, TVector>(key1 + d * TStored.Size), s1);
                s2 = TSimd.MultiplyAdd(q, TStored.Load<TSimd, TVector>(key2 + d * TStored.Size), s2);
                s3 = TSimd.MultiplyAdd(q, TStored.Load<TSimd, TVector>(key3 + d * TStored.Size), s3);
            }

            TSimd.StoreSums(scores + row, s0, s1, s2, s3);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void AddFour(float* weights, byte* values, int rows, float* outputs)
    {
        float* weights1 = weights + _scoreStride, weights2 = weights1 + _scoreStride, weights3 = weights2 + _scoreStride;
        int width = TSimd.Width;
        nint d = 0;
        for (; d <= _size - 2 * width; d += 2 * width)
        {
            float* output0 = outputs + d, output1 = output0 + _size, output2 = output1 + _size, output3 = output2 + _size;
            TVector s00 = TSimd.Load(output0), s01 = TSimd.Load(output0 + width);
            TVector s10 = TSimd.Load(output1), s11 = TSimd.Load(output1 + width);
            TVector s20 = TSimd.Load(output2), s21 = TSimd.Load(output2 + width);
            TVector s30 = TSimd.Load(output3), s31 = TSimd.Load(output3 + width);
            byte* value = values + d * TStored.Size;
            for (nint row = 0; row < rows; row++, value += BytesPerRow)
            {
                TVector v0 = TStored.Load<TSimd, TVector>(value);
                TVector v1 = TStored.Load<TSimd, TVector>(value + width * TStored.Size);
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

        AddRest(4, d, weights, values, rows, outputs);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void AddTwo(float* weights, byte* values, int rows, float* outputs)
    {
        float* weights1 = weights + _scoreStride;
        int width = TSimd.Width;
        nint d = 0;
        for (; d <= _size - 4 * width; d += 4 * width)
        {
            float* output0 = outputs + d, output1 = output0 + _size;
            TVector s00 = TSimd.Load(output0), s01 = TSimd.Load(output0 + width);
            TVector s02 = TSimd.Load(output0 + 2 * width), s03 = TSimd.Load(output0 + 3 * width);
            TVector s10 = TSimd.Load(output1), s11 = TSimd.Load(output1 + width);
            TVector s12 = TSimd.Load(output1 + 2 * width), s13 = TSimd.Load(output1 + 3 * width);
            byte* value = values + d * TStored.Size;
            for (nint row = 0; row < rows; row++, value += BytesPerRow)
            {
                TVector w0 = TSimd.Broadcast(weights[row]);
                TVector w1 = TSimd.Broadcast(weights1[row]);
                TVector v = TStored.Load<TSimd, TVector>(value);
                s00 = TSimd.MultiplyAdd(w0, v, s00);
                s10 = TSimd.MultiplyAdd(w1, v, s10);
                v = TStored.Load<TSimd, TVector>(value + width * TStored.Size);
                s01 = TSimd.MultiplyAdd(w0, v, s01);
                s11 = TSimd.MultiplyAdd(w1, v, s11);
                v = TStored.Load<TSimd, TVector>(value + 2 * width * TStored.Size);
                s02 = TSimd.MultiplyAdd(w0, v, s02);
                s12 = TSimd.MultiplyAdd(w1, v, s12);
                v = TStored.Load<TSimd, TVector>(value + 3 * width * TStored.Size);
                s03 = TSimd.MultiplyAdd(w0, v, s03);
                s13 = TSimd.MultiplyAdd(w1, v, s13);
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
    private void AddOne(float* weights, byte* values, int rows, float* output)
    {
        int width = TSimd.Width;
        nint d = 0;
        for (; d <= _size - 4 * width; d += 4 * width)
        {
            TVector s0 = TSimd.Load(output + d), s1 = TSimd.Load(output + d + width);
            TVector s2 = TSimd.Load(output + d + 2 * width), s3 = TSimd.Load(output + d + 3 * width);
            byte* value = values + d * TStored.Size;
            for (nint row = 0; row < rows; row++, value += BytesPerRow)
            {
                TVector w = TSimd.Broadcast(weights[row]);
                s0 = TSimd.MultiplyAdd(w, TStored.Load<TSimd, TVector>(value), s0);
                s1 = TSimd.MultiplyAdd(w, TStored.Load<TSimd, TVector>(value + width * TStored.Size), s1);
                s2 = TSimd.MultiplyAdd(w, TStored.Load<TSimd, TVector>(value + 2 * width * TStored.Size), s2);
                s3 = TSimd.MultiplyAdd(w, TStored.Load<TSimd, TVector>(value + 3 * width * TStored.Size), s3);
            }

            TSimd.Store(output + d, s0);
            TSimd.Store(output + d + width, s1);
            TSimd.Store(output + d + 2 * width, s2);
            TSimd.Store(output + d + 3 * width, s3);
        }

        AddRest(1, d, weights, values, rows, output);
    }

    // The vectors from column `first` on that do not fill a tile.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void AddRest(int heads, nint first, float* weights, byte* values, int rows, float* outputs)
    {
        for (nint d = first; d < _size; d += TSimd.Width)
        {
            for (int head = 0; head < heads; head++)
            {
                float* output = outputs + head * (nint)_size + d;
                float* weight = weights + head * _scoreStride;
                byte* value = values + d * TStored.Size;
                TVector sum = TSimd.Load(output);
                for (nint row = 0; row < rows; row++, value += BytesPerRow)
                    sum = TSimd.MultiplyAdd(TSimd.Broadcast(weight[row]), TStored.Load<TSimd, TVector>(value), sum);
                TSimd.Store(output, sum);
            }
        }
    }
}
