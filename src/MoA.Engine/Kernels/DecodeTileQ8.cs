using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using MoA.Engine.Numerics;

namespace MoA.Engine.Kernels;

/// <summary>
/// Query heads against rows in Q8_0, which are multiplied as the integers that they are: two products to an instruction's
/// lane, and no number becomes a float. Queries are rounded to 16 bits under one scale a head, an error 250 times below
/// that of the keys' own rounding; <see cref="WeightedSumsQ8{TSimd, TVector}"/> says how weights are.
/// </summary>
internal readonly unsafe struct DecodeTileQ8<TSimd, TVector> : IDecodeTile
    where TSimd : ISimd<TVector>
    where TVector : struct
{
    private readonly short* _queries;
    private readonly float* _queryScales;
    private readonly float* _scratch;
    private readonly int _size;
    private readonly bool _single;

    /// <param name="queries">Room for the floats of the queries of <paramref name="heads"/> heads, and zero.</param>
    /// <param name="scratch"><see cref="DecodeBlock.Floats"/>.</param>
    /// <param name="heads">Heads, those included that only fill up a tile.</param>
    /// <param name="size">Elements of a row, a multiple of 32.</param>
    public DecodeTileQ8(float* queries, float* scratch, int heads, int size)
    {
        _queries = (short*)queries;
        _queryScales = (float*)(_queries + (nint)heads * size);
        _scratch = scratch;
        _size = size;
        _single = heads == 1;
    }

    /// <inheritdoc/>
    [MethodImpl(JitOptions.Loop)]
    public void SetQuery(int head, float* query, float scale)
    {
        short* to = _queries + (nint)head * _size;
        _queryScales[head] = scale * ShortRow.Quantize(query, _size, short.MaxValue, to);
        if (_single)
            return;
        // Keys are split into bytes at even and at odd places: elements 0 and 2 are multiplied together, and 1 and 3.
        for (int i = 0; i < _size; i += 8)
            Vector128.Shuffle(Vector128.Load(to + i), Vector128.Create(0, 2, 1, 3, 4, 6, 5, 7)).Store(to + i);
    }

    /// <inheritdoc/>
    public void Score(int head, int heads, byte* keys, int rows, float* scores, Prefetch next)
    {
        short* queries = _queries + (nint)head * _size;
        if (_single)
            SingleScoresQ8.Score(queries, *_queryScales, _size, keys, rows, scores, next);
        else
            TransposedScoresQ8<TSimd, TVector>.Score(
                queries, _queryScales + head, heads, _size, keys, rows, scores, _scratch, next);
    }

    /// <inheritdoc/>
    public void AddWeighted(int head, int heads, float* weights, byte* values, int rows, float* outputs, Prefetch next) =>
        WeightedSumsQ8<TSimd, TVector>.Add(heads, weights, values, rows, outputs, _size, _scratch, next);

    /// <inheritdoc/>
    public void WriteOutput(float* output, float* to, float scale)
    {
        OnlineSoftmax<TSimd, TVector>.Scale(output, to, _size, scale);
        // The order in which pairs of rows are loaded.
        for (float* half = to + 8; TSimd.Width == 16 && half < to + _size; half += BlockQ8.Elements)
        {
            Vector256<float> first = Vector256.Load(half);
            Vector256.Load(half + 8).Store(half);
            first.Store(half + 8);
        }
    }
}
