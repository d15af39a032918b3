using System.Runtime.CompilerServices;
using MoA.Engine.Numerics;

namespace MoA.Engine.Kernels;

/// <summary>
/// One or two vectors' worth of queries, one query per lane, against a block of keys. Queries, scores and outputs are laid
/// out with the lanes innermost, so that keys and values are used as they are stored, one number broadcast to all queries;
/// nothing but the queries is ever transposed, and the softmax goes down the lanes without a horizontal step.
/// Twelve sums stand in registers, enough to hide the latency of the multiply-add, in pairs: of six rows by two vectors of
/// queries or, where the panel has one, of twelve rows, the second of a pair six rows behind the first. Each sum is made
/// in the same order either way.
/// </summary>
internal static unsafe class PrefillPanel<TSimd, TVector, TWidth>
    where TSimd : ISimd<TVector>
    where TVector : struct
    where TWidth : struct, IPanelWidth
{
    /// <summary>Keys beyond the last for which something may be written to the scores.</summary>
    public static int Slack => 4 * RowsPerPair - 1;

    /// <summary>Queries of a panel.</summary>
    public static int Queries
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => TWidth.Vectors * TSimd.Width;
    }

    private static int RowsPerPair => 2 / TWidth.Vectors;

    /// <summary>scores[key][lane] = Σ_d keys[key][d]·queries[d][lane].</summary>
    /// <param name="keys">[count, stride], of which <paramref name="size"/> columns are used.</param>
    /// <param name="stride">Floats between keys.</param>
    /// <param name="count">Keys.</param>
    /// <param name="size">Head size.</param>
    /// <param name="queries">[size, <see cref="Queries"/>].</param>
    /// <param name="scores">[count + <see cref="Slack"/>, <see cref="Queries"/>].</param>
    /// <param name="next">What is fetched from memory meanwhile.</param>
    /// <param name="nextBytes">Bytes of it for each key; 0 for nothing.</param>
    [MethodImpl(JitOptions.Loop)]
    public static void Score(
        float* keys, nint stride, int count, int size, float* queries, float* scores, byte* next = null, int nextBytes = 0)
    {
        int six = 6 * RowsPerPair, four = 4 * RowsPerPair, key = 0;
        for (; count - key >= six && count - key != 2 * four; key += six)
        {
            Memory.Prefetch(next + key * nextBytes, six * nextBytes);
            ScoreSix(keys + key * stride, stride, size, queries, scores + key * Queries);
        }

        for (; key < count; key += four)
        {
            Memory.Prefetch(next + key * nextBytes, four * nextBytes);
            ScoreFour(keys + key * stride, stride, count - 1 - key, size, queries, scores + key * Queries);
        }
    }

    /// <summary>
    /// Turns scores[key][lane] into weights 2^(score − maximum) and brings every lane's maximum and sum up to date.
    /// </summary>
    /// <param name="scores">[count, <see cref="Queries"/>].</param>
    /// <param name="count">Keys.</param>
    /// <param name="maxima">[<see cref="Queries"/>].</param>
    /// <param name="sums">[<see cref="Queries"/>].</param>
    /// <param name="corrections">[<see cref="Queries"/>]: the factors by which sums made so far must be multiplied.</param>
    [MethodImpl(JitOptions.Loop)]
    public static void Softmax(float* scores, int count, float* maxima, float* sums, float* corrections)
    {
        for (int lane = 0; lane < Queries; lane += TSimd.Width)
        {
            TVector old = TSimd.Load(maxima + lane), max = old;
            float* first = scores + lane, end = first + count * Queries;
            for (float* row = first; row < end; row += Queries)
                max = TSimd.Max(max, TSimd.Load(row));
            TVector sum = TSimd.Zero;
            for (float* row = first; row < end; row += Queries)
            {
                TVector weight = OnlineSoftmax<TSimd, TVector>.Exp2(TSimd.Subtract(TSimd.Load(row), max));
                TSimd.Store(row, weight);
                sum = TSimd.Add(sum, weight);
            }

            TVector correction = OnlineSoftmax<TSimd, TVector>.Exp2(TSimd.Subtract(old, max));
            TSimd.Store(corrections + lane, correction);
            TSimd.Store(maxima + lane, max);
            TSimd.Store(sums + lane, TSimd.MultiplyAdd(TSimd.Load(sums + lane), correction, sum));
        }
    }

    /// <summary>outputs[d][lane] = corrections[lane]·outputs[d][lane] + Σ_key values[key][d]·weights[key][lane].</summary>
    /// <param name="values">[count, stride], of which <paramref name="size"/> columns are used.</param>
    /// <param name="stride">Floats between values; those up to a multiple of 4 are read.</param>
    /// <param name="count">Keys.</param>
    /// <param name="size">Head size.</param>
    /// <param name="weights">[count, <see cref="Queries"/>].</param>
    /// <param name="corrections">[<see cref="Queries"/>].</param>
    /// <param name="outputs">[size up to a multiple of 4, <see cref="Queries"/>].</param>
    /// <param name="next">What is fetched from memory meanwhile.</param>
    /// <param name="nextBytes">Bytes of it for each component; 0 for nothing.</param>
    [MethodImpl(JitOptions.Loop)]
    public static void AddWeighted(
        float* values, nint stride, int count, int size, float* weights, float* corrections, float* outputs, byte* next,
        int nextBytes)
    {
        int six = 6 * RowsPerPair, four = 4 * RowsPerPair, d = 0;
        for (; size - d >= six && size - d != 2 * four; d += six)
        {
            Memory.Prefetch(next + d * nextBytes, six * nextBytes);
            AddSix(values + d, stride, count, weights, corrections, outputs + d * Queries);
        }

        for (; size - d >= four; d += four)
        {
            Memory.Prefetch(next + d * nextBytes, four * nextBytes);
            AddFour(values + d, stride, count, weights, corrections, outputs + d * Queries);
        }

        for (; d < size; d += four / 2)
            AddTwo(values + d, stride, count, weights, corrections, outputs + d * Queries);
    }

    [MethodImpl(JitOptions.Loop)]
    private static void ScoreSix(float* keys, nint stride, int size, float* queries, float* scores)
    {
        float* key3 = keys + 3 * stride, key6 = key3 + 3 * stride, key9 = key6 + 3 * stride;
        TVector s00 = TSimd.Zero, s01 = TSimd.Zero, s10 = TSimd.Zero, s11 = TSimd.Zero, s20 = TSimd.Zero, s21 = TSimd.Zero;
        TVector s30 = TSimd.Zero, s31 = TSimd.Zero, s40 = TSimd.Zero, s41 = TSimd.Zero, s50 = TSimd.Zero, s51 = TSimd.Zero;
        for (float* end = queries + size * Queries; queries < end; queries += Queries, keys++, key3++, key6++, key9++)
        {
            Load(queries, out TVector q0, out TVector q1);
            TVector k = TSimd.Broadcast(keys[0]);
            s00 = TSimd.MultiplyAdd(k, q0, s00);
            s01 = TSimd.MultiplyAdd(Second(k, key6), q1, s01);
            k = TSimd.Broadcast(keys[stride]);
            s10 = TSimd.MultiplyAdd(k, q0, s10);
            s11 = TSimd.MultiplyAdd(Second(k, key6 + stride), q1, s11);
            k = TSimd.Broadcast(keys[2 * stride]);
            s20 = TSimd.MultiplyAdd(k, q0, s20);
            s21 = TSimd.MultiplyAdd(Second(k, key6 + 2 * stride), q1, s21);
            k = TSimd.Broadcast(key3[0]);
            s30 = TSimd.MultiplyAdd(k, q0, s30);
            s31 = TSimd.MultiplyAdd(Second(k, key9), q1, s31);
            k = TSimd.Broadcast(key3[stride]);
            s40 = TSimd.MultiplyAdd(k, q0, s40);
            s41 = TSimd.MultiplyAdd(Second(k, key9 + stride), q1, s41);
            k = TSimd.Broadcast(key3[2 * stride]);
            s50 = TSimd.MultiplyAdd(k, q0, s50);
            s51 = TSimd.MultiplyAdd(Second(k, key9 + 2 * stride), q1, s51);
        }

        Store(scores, 6, s00, s01);
        Store(scores + Queries, 6, s10, s11);
        Store(scores + 2 * Queries, 6, s20, s21);
        Store(scores + 3 * Queries, 6, s30, s31);
        Store(scores + 4 * Queries, 6, s40, s41);
        Store(scores + 5 * Queries, 6, s50, s51);
    }

    // Keys beyond `last` are taken to be the last.
    [MethodImpl(JitOptions.Loop)]
    private static void ScoreFour(float* keys, nint stride, int last, int size, float* queries, float* scores)
    {
        float* key1 = keys + Math.Min(1, last) * stride, key2 = keys + Math.Min(2, last) * stride;
        float* key3 = keys + Math.Min(3, last) * stride, key4 = keys + Math.Min(4, last) * stride;
        float* key5 = keys + Math.Min(5, last) * stride, key6 = keys + Math.Min(6, last) * stride;
        float* key7 = keys + Math.Min(7, last) * stride;
        TVector s00 = TSimd.Zero, s01 = TSimd.Zero, s10 = TSimd.Zero, s11 = TSimd.Zero;
        TVector s20 = TSimd.Zero, s21 = TSimd.Zero, s30 = TSimd.Zero, s31 = TSimd.Zero;
        for (nint d = 0; d < size; d++, queries += Queries)
        {
            Load(queries, out TVector q0, out TVector q1);
            TVector k = TSimd.Broadcast(keys[d]);
            s00 = TSimd.MultiplyAdd(k, q0, s00);
            s01 = TSimd.MultiplyAdd(Second(k, key4 + d), q1, s01);
            k = TSimd.Broadcast(key1[d]);
            s10 = TSimd.MultiplyAdd(k, q0, s10);
            s11 = TSimd.MultiplyAdd(Second(k, key5 + d), q1, s11);
            k = TSimd.Broadcast(key2[d]);
            s20 = TSimd.MultiplyAdd(k, q0, s20);
            s21 = TSimd.MultiplyAdd(Second(k, key6 + d), q1, s21);
            k = TSimd.Broadcast(key3[d]);
            s30 = TSimd.MultiplyAdd(k, q0, s30);
            s31 = TSimd.MultiplyAdd(Second(k, key7 + d), q1, s31);
        }

        Store(scores, 4, s00, s01);
        Store(scores + Queries, 4, s10, s11);
        Store(scores + 2 * Queries, 4, s20, s21);
        Store(scores + 3 * Queries, 4, s30, s31);
    }

    [MethodImpl(JitOptions.Loop)]
    private static void AddSix(float* values, nint stride, int count, float* weights, float* corrections, float* outputs)
    {
        TVector s00 = TSimd.Zero, s01 = TSimd.Zero, s10 = TSimd.Zero, s11 = TSimd.Zero, s20 = TSimd.Zero, s21 = TSimd.Zero;
        TVector s30 = TSimd.Zero, s31 = TSimd.Zero, s40 = TSimd.Zero, s41 = TSimd.Zero, s50 = TSimd.Zero, s51 = TSimd.Zero;
        for (int key = 0; key < count; key++, values += stride, weights += Queries)
        {
            Load(weights, out TVector w0, out TVector w1);
            TVector v = TSimd.Broadcast(values[0]);
            s00 = TSimd.MultiplyAdd(v, w0, s00);
            s01 = TSimd.MultiplyAdd(Second(v, values + 6), w1, s01);
            v = TSimd.Broadcast(values[1]);
            s10 = TSimd.MultiplyAdd(v, w0, s10);
            s11 = TSimd.MultiplyAdd(Second(v, values + 7), w1, s11);
            v = TSimd.Broadcast(values[2]);
            s20 = TSimd.MultiplyAdd(v, w0, s20);
            s21 = TSimd.MultiplyAdd(Second(v, values + 8), w1, s21);
            v = TSimd.Broadcast(values[3]);
            s30 = TSimd.MultiplyAdd(v, w0, s30);
            s31 = TSimd.MultiplyAdd(Second(v, values + 9), w1, s31);
            v = TSimd.Broadcast(values[4]);
            s40 = TSimd.MultiplyAdd(v, w0, s40);
            s41 = TSimd.MultiplyAdd(Second(v, values + 10), w1, s41);
            v = TSimd.Broadcast(values[5]);
            s50 = TSimd.MultiplyAdd(v, w0, s50);
            s51 = TSimd.MultiplyAdd(Second(v, values + 11), w1, s51);
        }

        Load(corrections, out TVector c0, out TVector c1);
        Update(outputs, 6, c0, c1, s00, s01);
        Update(outputs + Queries, 6, c0, c1, s10, s11);
        Update(outputs + 2 * Queries, 6, c0, c1, s20, s21);
        Update(outputs + 3 * Queries, 6, c0, c1, s30, s31);
        Update(outputs + 4 * Queries, 6, c0, c1, s40, s41);
        Update(outputs + 5 * Queries, 6, c0, c1, s50, s51);
    }

    [MethodImpl(JitOptions.Loop)]
    private static void AddFour(float* values, nint stride, int count, float* weights, float* corrections, float* outputs)
    {
        TVector s00 = TSimd.Zero, s01 = TSimd.Zero, s10 = TSimd.Zero, s11 = TSimd.Zero;
        TVector s20 = TSimd.Zero, s21 = TSimd.Zero, s30 = TSimd.Zero, s31 = TSimd.Zero;
        for (int key = 0; key < count; key++, values += stride, weights += Queries)
        {
            Load(weights, out TVector w0, out TVector w1);
            TVector v = TSimd.Broadcast(values[0]);
            s00 = TSimd.MultiplyAdd(v, w0, s00);
            s01 = TSimd.MultiplyAdd(Second(v, values + 4), w1, s01);
            v = TSimd.Broadcast(values[1]);
            s10 = TSimd.MultiplyAdd(v, w0, s10);
            s11 = TSimd.MultiplyAdd(Second(v, values + 5), w1, s11);
            v = TSimd.Broadcast(values[2]);
            s20 = TSimd.MultiplyAdd(v, w0, s20);
            s21 = TSimd.MultiplyAdd(Second(v, values + 6), w1, s21);
            v = TSimd.Broadcast(values[3]);
            s30 = TSimd.MultiplyAdd(v, w0, s30);
            s31 = TSimd.MultiplyAdd(Second(v, values + 7), w1, s31);
        }

        Load(corrections, out TVector c0, out TVector c1);
        Update(outputs, 4, c0, c1, s00, s01);
        Update(outputs + Queries, 4, c0, c1, s10, s11);
        Update(outputs + 2 * Queries, 4, c0, c1, s20, s21);
        Update(outputs + 3 * Queries, 4, c0, c1, s30, s31);
    }

    [MethodImpl(JitOptions.Loop)]
    private static void AddTwo(float* values, nint stride, int count, float* weights, float* corrections, float* outputs)
    {
        TVector s00 = TSimd.Zero, s01 = TSimd.Zero, s10 = TSimd.Zero, s11 = TSimd.Zero;
        for (int key = 0; key < count; key++, values += stride, weights += Queries)
        {
            Load(weights, out TVector w0, out TVector w1);
            TVector v = TSimd.Broadcast(values[0]);
            s00 = TSimd.MultiplyAdd(v, w0, s00);
            s01 = TSimd.MultiplyAdd(Second(v, values + 2), w1, s01);
            v = TSimd.Broadcast(values[1]);
            s10 = TSimd.MultiplyAdd(v, w0, s10);
            s11 = TSimd.MultiplyAdd(Second(v, values + 3), w1, s11);
        }

        Load(corrections, out TVector c0, out TVector c1);
        Update(outputs, 2, c0, c1, s00, s01);
        Update(outputs + Queries, 2, c0, c1, s10, s11);
    }

    // What the second sum of a pair is made of: the same row, or one behind it where the panel has one vector.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector Second(TVector first, float* row) => TWidth.Vectors == 2 ? first : TSimd.Broadcast(*row);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Load(float* from, out TVector first, out TVector second)
    {
        first = TSimd.Load(from);
        second = TWidth.Vectors == 2 ? TSimd.Load(from + TSimd.Width) : first;
    }

    // Of a tile of so many pairs: the second sum stands beside the first, or as many rows behind it.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(float* to, int pairs, TVector first, TVector second)
    {
        TSimd.Store(to, first);
        TSimd.Store(to + SecondOf(pairs), second);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Update(float* outputs, int pairs, TVector c0, TVector c1, TVector first, TVector second)
    {
        TSimd.Store(outputs, TSimd.MultiplyAdd(TSimd.Load(outputs), c0, first));
        outputs += SecondOf(pairs);
        TSimd.Store(outputs, TSimd.MultiplyAdd(TSimd.Load(outputs), c1, second));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int SecondOf(int pairs) => TWidth.Vectors == 2 ? TSimd.Width : pairs * TSimd.Width;
}
