using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using MoA.Engine.Numerics;

namespace MoA.Engine.Kernels;

/// <summary>
/// Query heads against rows in Q8_0. Keys are multiplied as the integers that they are, with queries rounded to 16 bits
/// under one scale a head: an error 250 times below that of the keys' own rounding, and half the instructions of widening
/// every key to a float. Values are widened.
/// </summary>
internal readonly unsafe struct DecodeTileQ8<TSimd, TVector> : IDecodeTile
    where TSimd : ISimd<TVector>
    where TVector : struct
{
    private readonly DecodeTile<TSimd, TVector, RowPairsQ8> _values;
    private readonly short* _queries;
    private readonly float* _queryScales;
    private readonly int _size;

    /// <param name="queries">Room for the floats of the queries of <paramref name="heads"/> heads, and zero.</param>
    /// <param name="heads">Heads, those included that only fill up a tile.</param>
    /// <param name="size">Elements of a row, a multiple of 32.</param>
    public DecodeTileQ8(float* queries, int heads, int size)
    {
        _values = new DecodeTile<TSimd, TVector, RowPairsQ8>(queries, size);
        _queries = (short*)queries;
        _queryScales = (float*)(_queries + (nint)heads * size);
        _size = size;
    }

    private int Groups => _size / BlockQ8.Elements;

    private nint BytesPerRow => (nint)Groups * BlockQ8.Bytes;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void SetQuery(int head, float* query, float scale)
    {
        Vector256<float> maxima = Vector256<float>.Zero;
        for (int i = 0; i < _size; i += 8)
            maxima = Vector256.Max(maxima, Vector256.Abs(Vector256.Load(query + i)));
        float largest = Simd256.MaxLane(maxima);
        _queryScales[head] = largest * scale / short.MaxValue;
        Vector256<float> inverse = Vector256.Create(largest == 0 ? 0f : short.MaxValue / largest);
        short* to = _queries + (nint)head * _size;
        for (int i = 0; i < _size; i += 16)
            Vector256.Narrow(Round(query + i, inverse), Round(query + i + 8, inverse)).Store(to + i);
    }

    /// <inheritdoc/>
    public void Score(int head, int heads, byte* keys, int rows, float* scores, Prefetch next)
    {
        short* queries = _queries + (nint)head * _size;
        float* scales = _queryScales + head;
        if (heads == 8)
            ScoreEight(queries, scales, keys, rows, scores, next);
        else if (heads == 4)
            ScoreFour(queries, scales, keys, rows, scores, next);
        else if (heads == 2)
            ScoreTwo(queries, scales, keys, rows, scores, next);
        else
            ScoreOne(queries, scales, keys, rows, scores, next);
    }

    /// <inheritdoc/>
    public void AddWeighted(int head, int heads, float* weights, byte* values, int rows, float* outputs, Prefetch next)
    {
        if (heads == 1)
            AddOne(weights, values, rows, outputs, next);
        else
            _values.AddWeighted(head, heads, weights, values, rows, outputs, next);
    }

    /// <inheritdoc/>
    public void WriteOutput(float* output, float* to, float scale) => _values.WriteOutput(output, to, scale);

    // One head alone is bound by unpacking. Four bytes in a lane of 32 bits are taken apart in place: each is moved to the
    // top, where it counts 2^24 times as much, and the weight takes the scale upon itself.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void AddOne(float* weights, byte* values, int rows, float* output, Prefetch next)
    {
        float* sums = stackalloc float[BlockQ8.Elements];
        nint bytesPerRow = BytesPerRow, ahead = 0;
        Vector256<int> top = Vector256.Create(0xFF << 24);
        Vector256<float> unit = Vector256.Create(1f / (1 << 24));
        for (nint group = 0; group < Groups; group++, output += BlockQ8.Elements)
        {
            Vector256<float> s0 = Vector256<float>.Zero, s1 = Vector256<float>.Zero;
            Vector256<float> s2 = Vector256<float>.Zero, s3 = Vector256<float>.Zero;
            byte* value = values + group * BlockQ8.Bytes;
            for (nint row = 0; row < rows; row++, value += bytesPerRow, ahead += BlockQ8.Bytes)
            {
                next.Step(ahead, BlockQ8.Bytes);
                Vector256<float> weight = Simd256.BroadcastPositiveF16(value) * (Vector256.Create(weights[row]) * unit);
                Vector256<int> quants = Vector256.Load((int*)(value + 2));
                s0 = Simd256.MultiplyAdd(Vector256.ConvertToSingle(quants << 24), weight, s0);
                s1 = Simd256.MultiplyAdd(Vector256.ConvertToSingle((quants << 16) & top), weight, s1);
                s2 = Simd256.MultiplyAdd(Vector256.ConvertToSingle((quants << 8) & top), weight, s2);
                s3 = Simd256.MultiplyAdd(Vector256.ConvertToSingle(quants & top), weight, s3);
            }

            s0.Store(sums);
            s1.Store(sums + 8);
            s2.Store(sums + 16);
            s3.Store(sums + 24);
            for (int lane = 0; lane < 8; lane++)
            {
                for (int place = 0; place < 4; place++)
                    output[4 * lane + place] += sums[8 * place + lane];
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> Round(float* query, Vector256<float> inverse)
    {
        Vector256<float> x = Vector256.Load(query) * inverse;
        return Vector256.ConvertToInt32(x + Vector256.CopySign(Vector256.Create(0.5f), x));
    }

    // The products of one group of 32, in eight lanes.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Products(Vector256<short> lower, Vector256<short> upper, short* query) =>
        Vector256.ConvertToSingle(
            Integers.MultiplyAddPairs(lower, Vector256.Load(query)) +
            Integers.MultiplyAddPairs(upper, Vector256.Load(query + 16)));

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void ScoreOne(short* queries, float* queryScales, byte* keys, int rows, float* scores, Prefetch next)
    {
        int size = _size;
        nint bytesPerRow = BytesPerRow, groups = Groups;
        Vector128<float> factors = Vector128.Create(*queryScales);
        for (nint row = 0; row < rows; row += 4)
        {
            // Beyond the last row there are no rows to read, only scores to spoil.
            nint last = rows - 1 - row, row1 = row + Math.Min(1, last), row2 = row + Math.Min(2, last);
            nint row3 = row + Math.Min(3, last);
            byte* key0 = keys + row * bytesPerRow;
            byte* key1 = keys + row1 * bytesPerRow;
            byte* key2 = keys + row2 * bytesPerRow;
            byte* key3 = keys + row3 * bytesPerRow;
            Vector256<float> s00 = Vector256<float>.Zero;
            Vector256<float> s10 = Vector256<float>.Zero;
            Vector256<float> s20 = Vector256<float>.Zero;
            Vector256<float> s30 = Vector256<float>.Zero;
            nint ahead = row * bytesPerRow, at = 0;
            for (nint group = 0; group < groups; group++, at += BlockQ8.Bytes, ahead += 4 * BlockQ8.Bytes)
            {
                next.Step(ahead, 4 * BlockQ8.Bytes);
                short* query = queries + group * BlockQ8.Elements;
                Vector256<short> lower = Integers.WidenSigned(key0 + at + 2);
                Vector256<short> upper = Integers.WidenSigned(key0 + at + 18);
                s00 = Simd256.MultiplyAdd(Products(lower, upper, query), Simd256.BroadcastPositiveF16(key0 + at), s00);
                lower = Integers.WidenSigned(key1 + at + 2);
                upper = Integers.WidenSigned(key1 + at + 18);
                s10 = Simd256.MultiplyAdd(Products(lower, upper, query), Simd256.BroadcastPositiveF16(key1 + at), s10);
                lower = Integers.WidenSigned(key2 + at + 2);
                upper = Integers.WidenSigned(key2 + at + 18);
                s20 = Simd256.MultiplyAdd(Products(lower, upper, query), Simd256.BroadcastPositiveF16(key2 + at), s20);
                lower = Integers.WidenSigned(key3 + at + 2);
                upper = Integers.WidenSigned(key3 + at + 18);
                s30 = Simd256.MultiplyAdd(Products(lower, upper, query), Simd256.BroadcastPositiveF16(key3 + at), s30);
            }

            Simd256.StoreSums(scores + row, s00, s10, s20, s30);
            (Vector128.Load(scores + row) * factors).Store(scores + row);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void ScoreTwo(short* queries, float* queryScales, byte* keys, int rows, float* scores, Prefetch next)
    {
        int size = _size;
        nint bytesPerRow = BytesPerRow, groups = Groups;
        short* queries1 = queries + size;
        Vector128<float> factors = Vector128.Create(queryScales[0], queryScales[1], queryScales[0], queryScales[1]);
        for (nint row = 0; row < rows; row += 2)
        {
            nint row1 = Math.Min(row + 1, rows - 1);
            byte* key0 = keys + row * bytesPerRow;
            byte* key1 = keys + row1 * bytesPerRow;
            Vector256<float> s00 = Vector256<float>.Zero, s01 = Vector256<float>.Zero;
            Vector256<float> s10 = Vector256<float>.Zero, s11 = Vector256<float>.Zero;
            nint ahead = row * bytesPerRow, at = 0;
            for (nint group = 0; group < groups; group++, at += BlockQ8.Bytes, ahead += 2 * BlockQ8.Bytes)
            {
                next.Step(ahead, 2 * BlockQ8.Bytes);
                short* query = queries + group * BlockQ8.Elements;
                short* query1 = queries1 + group * BlockQ8.Elements;
                Vector256<short> lower = Integers.WidenSigned(key0 + at + 2);
                Vector256<short> upper = Integers.WidenSigned(key0 + at + 18);
                Vector256<float> scale = Simd256.BroadcastPositiveF16(key0 + at);
                s00 = Simd256.MultiplyAdd(Products(lower, upper, query), scale, s00);
                s01 = Simd256.MultiplyAdd(Products(lower, upper, query1), scale, s01);
                lower = Integers.WidenSigned(key1 + at + 2);
                upper = Integers.WidenSigned(key1 + at + 18);
                scale = Simd256.BroadcastPositiveF16(key1 + at);
                s10 = Simd256.MultiplyAdd(Products(lower, upper, query), scale, s10);
                s11 = Simd256.MultiplyAdd(Products(lower, upper, query1), scale, s11);
            }

            Simd256.StoreSums(scores + 2 * row, s00, s01, s10, s11);
            (Vector128.Load(scores + 2 * row) * factors).Store(scores + 2 * row);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void ScoreFour(short* queries, float* queryScales, byte* keys, int rows, float* scores, Prefetch next)
    {
        int size = _size;
        nint bytesPerRow = BytesPerRow, groups = Groups;
        Vector128<float> factors = Vector128.Load(queryScales);
        byte* key = keys;
        for (nint row = 0; row < rows; row++)
        {
            Vector256<float> s0 = Vector256<float>.Zero, s1 = Vector256<float>.Zero;
            Vector256<float> s2 = Vector256<float>.Zero, s3 = Vector256<float>.Zero;
            nint ahead = row * bytesPerRow;
            short* query = queries;
            for (nint group = 0; group < groups; group++, key += BlockQ8.Bytes, ahead += BlockQ8.Bytes)
            {
                next.Step(ahead, BlockQ8.Bytes);
                Vector256<short> lower = Integers.WidenSigned(key + 2), upper = Integers.WidenSigned(key + 18);
                Vector256<float> scale = Simd256.BroadcastPositiveF16(key);
                short* head = query;
                s0 = Simd256.MultiplyAdd(Products(lower, upper, head), scale, s0);
                head += size;
                s1 = Simd256.MultiplyAdd(Products(lower, upper, head), scale, s1);
                head += size;
                s2 = Simd256.MultiplyAdd(Products(lower, upper, head), scale, s2);
                head += size;
                s3 = Simd256.MultiplyAdd(Products(lower, upper, head), scale, s3);
                query += BlockQ8.Elements;
            }

            Simd256.StoreSums(scores + 4 * row, s0, s1, s2, s3);
            (Vector128.Load(scores + 4 * row) * factors).Store(scores + 4 * row);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void ScoreEight(short* queries, float* queryScales, byte* keys, int rows, float* scores, Prefetch next)
    {
        int size = _size;
        nint bytesPerRow = BytesPerRow, groups = Groups;
        Vector128<float> factors = Vector128.Load(queryScales), more = Vector128.Load(queryScales + 4);
        byte* key = keys;
        for (nint row = 0; row < rows; row++)
        {
            Vector256<float> s0 = Vector256<float>.Zero, s1 = Vector256<float>.Zero;
            Vector256<float> s2 = Vector256<float>.Zero, s3 = Vector256<float>.Zero;
            Vector256<float> s4 = Vector256<float>.Zero, s5 = Vector256<float>.Zero;
            Vector256<float> s6 = Vector256<float>.Zero, s7 = Vector256<float>.Zero;
            nint ahead = row * bytesPerRow;
            short* query = queries;
            for (nint group = 0; group < groups; group++, key += BlockQ8.Bytes, ahead += BlockQ8.Bytes)
            {
                next.Step(ahead, BlockQ8.Bytes);
                Vector256<short> lower = Integers.WidenSigned(key + 2), upper = Integers.WidenSigned(key + 18);
                Vector256<float> scale = Simd256.BroadcastPositiveF16(key);
                short* head = query;
                s0 = Simd256.MultiplyAdd(Products(lower, upper, head), scale, s0);
                head += size;
                s1 = Simd256.MultiplyAdd(Products(lower, upper, head), scale, s1);
                head += size;
                s2 = Simd256.MultiplyAdd(Products(lower, upper, head), scale, s2);
                head += size;
                s3 = Simd256.MultiplyAdd(Products(lower, upper, head), scale, s3);
                head += size;
                s4 = Simd256.MultiplyAdd(Products(lower, upper, head), scale, s4);
                head += size;
                s5 = Simd256.MultiplyAdd(Products(lower, upper, head), scale, s5);
                head += size;
                s6 = Simd256.MultiplyAdd(Products(lower, upper, head), scale, s6);
                head += size;
                s7 = Simd256.MultiplyAdd(Products(lower, upper, head), scale, s7);
                query += BlockQ8.Elements;
            }

            Simd256.StoreSums(scores + 8 * row, s0, s1, s2, s3);
            (Vector128.Load(scores + 8 * row) * factors).Store(scores + 8 * row);
            Simd256.StoreSums(scores + 8 * row + 4, s4, s5, s6, s7);
            (Vector128.Load(scores + 8 * row + 4) * more).Store(scores + 8 * row + 4);
        }
    }
}
