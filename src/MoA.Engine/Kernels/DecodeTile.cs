using System.Runtime.CompilerServices;
using MoA.Engine.Numerics;

namespace MoA.Engine.Kernels;

/// <summary>
/// Products of 1, 2, 4 or 8 query heads with stored rows in floats. Every number is loaded and widened once for several
/// heads; eight sums or more in registers hide the latency of the multiply-add.
/// </summary>
internal readonly unsafe struct DecodeTile<TSimd, TVector, TRows> : IDecodeTile
    where TSimd : ISimd<TVector>
    where TVector : struct
    where TRows : IRowPairs
{
    private readonly float* _queries;
    private readonly float* _scratch;
    private readonly int _size;

    /// <param name="queries">Room for the queries of all heads.</param>
    /// <param name="scratch"><see cref="DecodeBlock.Floats"/>.</param>
    /// <param name="size">Elements of a row, a multiple of <see cref="Columns"/>, and of 32 in Q8_0.</param>
    public DecodeTile(float* queries, float* scratch, int size)
    {
        _queries = queries;
        _scratch = scratch;
        _size = size;
    }

    /// <summary>Elements of a row that are read at a time.</summary>
    public static int Columns
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 2 * TSimd.Width;
    }

    /// <inheritdoc/>
    public void SetQuery(int head, float* query, float scale)
    {
        float* to = _queries + (nint)head * _size;
        if (TRows.Interleaved)
            EvenAndOdd.Separate(query, to, _size, TSimd.Width, scale);
        else
            OnlineSoftmax<TSimd, TVector>.Scale(query, to, _size, scale);
    }

    /// <inheritdoc/>
    public void WriteOutput(float* output, float* to, float scale)
    {
        if (TRows.Interleaved)
            EvenAndOdd.Join(output, to, _size, TSimd.Width, scale);
        else
            OnlineSoftmax<TSimd, TVector>.Scale(output, to, _size, scale);
    }

    /// <inheritdoc/>
    public void Score(int head, int heads, byte* keys, int rows, float* scores, Prefetch next)
    {
        float* queries = _queries + (nint)head * _size;
        if (heads >= 4 && TSimd.Width == 16)
        {
            // Of what is asked for meanwhile every four heads take their part.
            next = next with { Share = next.Share + heads / 8 };
            nint bytes = rows * (nint)DecodeBlock.Bytes<TRows>(_size);
            for (nint ahead = 0; heads >= 4; heads -= 4, queries += 4 * (nint)_size, scores += 4 * DecodeBlock.Rows, ahead += bytes)
                DecodeScores<TSimd, TVector, TRows>.ScoreFour(queries, _size, keys, rows, scores, next, ahead);
            return;
        }

        for (; heads >= 2; heads -= 2, queries += 2 * _size, scores += 2 * DecodeBlock.Rows)
            DecodeScores<TSimd, TVector, TRows>.ScoreTwo(queries, _size, keys, rows, scores, next);
        if (heads == 1)
            DecodeScores<TSimd, TVector, TRows>.ScoreOne(queries, _size, keys, rows, scores, next);
    }

    /// <inheritdoc/>
    public void AddWeighted(int head, int heads, float* weights, byte* values, int rows, float* outputs, Prefetch next)
    {
        if (heads == 8 && TSimd.Width == 16)
        {
            DecodeSums<TSimd, TVector, TRows>.AddEight(weights, values, rows, outputs, _size, next);
            return;
        }

        for (; heads >= 4; heads -= 4, weights += 4 * DecodeBlock.Rows, outputs += 4 * (nint)_size)
            DecodeSums<TSimd, TVector, TRows>.AddFour(weights, values, rows, outputs, _size, next);
        if (heads == 2)
            DecodeSums<TSimd, TVector, TRows>.AddTwo(weights, values, rows, outputs, _size, next);
        else if (heads == 1)
            DecodeSums<TSimd, TVector, TRows>.AddOne(weights, values, rows, outputs, _size, next);
    }
}
