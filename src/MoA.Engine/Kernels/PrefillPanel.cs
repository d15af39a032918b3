using System.Runtime.CompilerServices;
using MoA.Engine.Numerics;

namespace MoA.Engine.Kernels;

/// <summary>
/// Two vectors' worth of queries, one query per lane, against a block of keys. Queries, scores and outputs are laid out
/// with the lanes innermost, so that keys and values are used as they are stored, one number broadcast to all queries;
/// nothing but the queries is ever transposed, and the softmax goes down the lanes without a horizontal step.
/// Six rows by two vectors keep twelve sums in registers, enough to hide the latency of the multiply-add.
/// </summary>
internal static unsafe class PrefillPanel<TSimd, TVector>
    where TSimd : ISimd<TVector>
    where TVector : struct
{
    /// <summary>Keys beyond the last for which something may be written to the scores.</summary>
    public const int Slack = 3;

    /// <summary>Queries of a panel.</summary>
    public static int Queries
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 2 * TSimd.Width;
    }

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
        int key = 0;
        for (; key <= count - 6; key += 6)
        {
            Memory.Prefetch(next + key * nextBytes, 6 * nextBytes);
            ScoreSix(keys + key * stride, stride, size, queries, scores + key * Queries);
        }

        for (; key < count; key += 4)
            ScoreFour(keys + key * stride, stride, Math.Min(3, count - 1 - key), size, queries, scores + key * Queries);
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
        int width = TSimd.Width;
        TVector old0 = TSimd.Load(maxima), old1 = TSimd.Load(maxima + width);
        TVector max0 = old0, max1 = old1;
        for (float* row = scores, end = scores + count * Queries; row < end; row += Queries)
        {
            max0 = TSimd.Max(max0, TSimd.Load(row));
            max1 = TSimd.Max(max1, TSimd.Load(row + width));
        }

        TVector sum0 = TSimd.Zero, sum1 = TSimd.Zero;
        for (float* row = scores, end = scores + count * Queries; row < end; row += Queries)
        {
            TVector weight0 = OnlineSoftmax<TSimd, TVector>.Exp2(TSimd.Subtract(TSimd.Load(row), max0));
            TVector weight1 = OnlineSoftmax<TSimd, TVector>.Exp2(TSimd.Subtract(TSimd.Load(row + width), max1));
            TSimd.Store(row, weight0);
            TSimd.Store(row + width, weight1);
            sum0 = TSimd.Add(sum0, weight0);
            sum1 = TSimd.Add(sum1, weight1);
        }

        TVector correction0 = OnlineSoftmax<TSimd, TVector>.Exp2(TSimd.Subtract(old0, max0));
        TVector correction1 = OnlineSoftmax<TSimd, TVector>.Exp2(TSimd.Subtract(old1, max1));
        TSimd.Store(corrections, correction0);
        TSimd.Store(corrections + width, correction1);
        TSimd.Store(maxima, max0);
        TSimd.Store(maxima + width, max1);
        TSimd.Store(sums, TSimd.MultiplyAdd(TSimd.Load(sums), correction0, sum0));
        TSimd.Store(sums + width, TSimd.MultiplyAdd(TSimd.Load(sums + width), correction1, sum1));
    }

    /// <summary>outputs[d][lane] = corrections[lane]·outputs[d][lane] + Σ_key values[key][d]·weights[key][lane].</summary>
    /// <param name="values">[count, stride], of which <paramref name="size"/> columns are used.</param>
    /// <param name="stride">Floats between values.</param>
    /// <param name="count">Keys.</param>
    /// <param name="size">Head size.</param>
    /// <param name="weights">[count, <see cref="Queries"/>].</param>
    /// <param name="corrections">[<see cref="Queries"/>].</param>
    /// <param name="outputs">[size, <see cref="Queries"/>].</param>
    /// <param name="next">What is fetched from memory meanwhile.</param>
    /// <param name="nextBytes">Bytes of it for each component; 0 for nothing.</param>
    [MethodImpl(JitOptions.Loop)]
    public static void AddWeighted(
        float* values, nint stride, int count, int size, float* weights, float* corrections, float* outputs, byte* next,
        int nextBytes)
    {
        int d = 0;
        for (; size - d >= 6 && size - d != 8; d += 6)
        {
            Memory.Prefetch(next + d * nextBytes, 6 * nextBytes);
            AddSix(values + d, stride, count, weights, corrections, outputs + d * Queries);
        }

        for (; size - d >= 4; d += 4)
            AddFour(values + d, stride, count, weights, corrections, outputs + d * Queries);
        if (d < size)
            AddTwo(values + d, stride, count, weights, corrections, outputs + d * Queries);
    }

    [MethodImpl(JitOptions.Loop)]
    private static void ScoreSix(float* keys, nint stride, int size, float* queries, float* scores)
    {
        float* key1 = keys + stride, key2 = key1 + stride, key3 = key2 + stride, key4 = key3 + stride, key5 = key4 + stride;
        TVector s00 = TSimd.Zero, s01 = TSimd.Zero, s10 = TSimd.Zero, s11 = TSimd.Zero, s20 = TSimd.Zero, s21 = TSimd.Zero;
        TVector s30 = TSimd.Zero, s31 = TSimd.Zero, s40 = TSimd.Zero, s41 = TSimd.Zero, s50 = TSimd.Zero, s51 = TSimd.Zero;
        for (nint d = 0; d < size; d++, queries += Queries)
        {
            TVector q0 = TSimd.Load(queries), q1 = TSimd.Load(queries + TSimd.Width);
            TVector k = TSimd.Broadcast(keys[d]);
            s00 = TSimd.MultiplyAdd(k, q0, s00);
            s01 = TSimd.MultiplyAdd(k, q1, s01);
            k = TSimd.Broadcast(key1[d]);
            s10 = TSimd.MultiplyAdd(k, q0, s10);
            s11 = TSimd.MultiplyAdd(k, q1, s11);
            k = TSimd.Broadcast(key2[d]);
            s20 = TSimd.MultiplyAdd(k, q0, s20);
            s21 = TSimd.MultiplyAdd(k, q1, s21);
            k = TSimd.Broadcast(key3[d]);
            s30 = TSimd.MultiplyAdd(k, q0, s30);
            s31 = TSimd.MultiplyAdd(k, q1, s31);
            k = TSimd.Broadcast(key4[d]);
            s40 = TSimd.MultiplyAdd(k, q0, s40);
            s41 = TSimd.MultiplyAdd(k, q1, s41);
            k = TSimd.Broadcast(key5[d]);
            s50 = TSimd.MultiplyAdd(k, q0, s50);
            s51 = TSimd.MultiplyAdd(k, q1, s51);
        }

        Store(scores, s00, s01);
        Store(scores + Queries, s10, s11);
        Store(scores + 2 * Queries, s20, s21);
        Store(scores + 3 * Queries, s30, s31);
        Store(scores + 4 * Queries, s40, s41);
        Store(scores + 5 * Queries, s50, s51);
    }

    // Keys beyond `last` are taken to be the last.
    [MethodImpl(JitOptions.Loop)]
    private static void ScoreFour(float* keys, nint stride, int last, int size, float* queries, float* scores)
    {
        float* key1 = keys + Math.Min(1, last) * stride, key2 = keys + Math.Min(2, last) * stride, key3 = keys + last * stride;
        TVector s00 = TSimd.Zero, s01 = TSimd.Zero, s10 = TSimd.Zero, s11 = TSimd.Zero;
        TVector s20 = TSimd.Zero, s21 = TSimd.Zero, s30 = TSimd.Zero, s31 = TSimd.Zero;
        for (nint d = 0; d < size; d++, queries += Queries)
        {
            TVector q0 = TSimd.Load(queries), q1 = TSimd.Load(queries + TSimd.Width);
            TVector k = TSimd.Broadcast(keys[d]);
            s00 = TSimd.MultiplyAdd(k, q0, s00);
            s01 = TSimd.MultiplyAdd(k, q1, s01);
            k = TSimd.Broadcast(key1[d]);
            s10 = TSimd.MultiplyAdd(k, q0, s10);
            s11 = TSimd.MultiplyAdd(k, q1, s11);
            k = TSimd.Broadcast(key2[d]);
            s20 = TSimd.MultiplyAdd(k, q0, s20);
            s21 = TSimd.MultiplyAdd(k, q1, s21);
            k = TSimd.Broadcast(key3[d]);
            s30 = TSimd.MultiplyAdd(k, q0, s30);
            s31 = TSimd.MultiplyAdd(k, q1, s31);
        }

        Store(scores, s00, s01);
        Store(scores + Queries, s10, s11);
        Store(scores + 2 * Queries, s20, s21);
        Store(scores + 3 * Queries, s30, s31);
    }

    [MethodImpl(JitOptions.Loop)]
    private static void AddSix(float* values, nint stride, int count, float* weights, float* corrections, float* outputs)
    {
        TVector s00 = TSimd.Zero, s01 = TSimd.Zero, s10 = TSimd.Zero, s11 = TSimd.Zero, s20 = TSimd.Zero, s21 = TSimd.Zero;
        TVector s30 = TSimd.Zero, s31 = TSimd.Zero, s40 = TSimd.Zero, s41 = TSimd.Zero, s50 = TSimd.Zero, s51 = TSimd.Zero;
        for (int key = 0; key < count; key++, values += stride, weights += Queries)
        {
            TVector w0 = TSimd.Load(weights), w1 = TSimd.Load(weights + TSimd.Width);
            TVector v = TSimd.Broadcast(values[0]);
            s00 = TSimd.MultiplyAdd(v, w0, s00);
            s01 = TSimd.MultiplyAdd(v, w1, s01);
            v = TSimd.Broadcast(values[1]);
            s10 = TSimd.MultiplyAdd(v, w0, s10);
            s11 = TSimd.MultiplyAdd(v, w1, s11);
            v = TSimd.Broadcast(values[2]);
            s20 = TSimd.MultiplyAdd(v, w0, s20);
            s21 = TSimd.MultiplyAdd(v, w1, s21);
            v = TSimd.Broadcast(values[3]);
            s30 = TSimd.MultiplyAdd(v, w0, s30);
            s31 = TSimd.MultiplyAdd(v, w1, s31);
            v = TSimd.Broadcast(values[4]);
            s40 = TSimd.MultiplyAdd(v, w0, s40);
            s41 = TSimd.MultiplyAdd(v, w1, s41);
            v = TSimd.Broadcast(values[5]);
            s50 = TSimd.MultiplyAdd(v, w0, s50);
            s51 = TSimd.MultiplyAdd(v, w1, s51);
        }

        TVector c0 = TSimd.Load(corrections), c1 = TSimd.Load(corrections + TSimd.Width);
        Update(outputs, c0, c1, s00, s01);
        Update(outputs + Queries, c0, c1, s10, s11);
        Update(outputs + 2 * Queries, c0, c1, s20, s21);
        Update(outputs + 3 * Queries, c0, c1, s30, s31);
        Update(outputs + 4 * Queries, c0, c1, s40, s41);
        Update(outputs + 5 * Queries, c0, c1, s50, s51);
    }

    [MethodImpl(JitOptions.Loop)]
    private static void AddFour(float* values, nint stride, int count, float* weights, float* corrections, float* outputs)
    {
        TVector s00 = TSimd.Zero, s01 = TSimd.Zero, s10 = TSimd.Zero, s11 = TSimd.Zero;
        TVector s20 = TSimd.Zero, s21 = TSimd.Zero, s30 = TSimd.Zero, s31 = TSimd.Zero;
        for (int key = 0; key < count; key++, values += stride, weights += Queries)
        {
            TVector w0 = TSimd.Load(weights), w1 = TSimd.Load(weights + TSimd.Width);
            TVector v = TSimd.Broadcast(values[0]);
            s00 = TSimd.MultiplyAdd(v, w0, s00);
            s01 = TSimd.MultiplyAdd(v, w1, s01);
            v = TSimd.Broadcast(values[1]);
            s10 = TSimd.MultiplyAdd(v, w0, s10);
            s11 = TSimd.MultiplyAdd(v, w1, s11);
            v = TSimd.Broadcast(values[2]);
            s20 = TSimd.MultiplyAdd(v, w0, s20);
            s21 = TSimd.MultiplyAdd(v, w1, s21);
            v = TSimd.Broadcast(values[3]);
            s30 = TSimd.MultiplyAdd(v, w0, s30);
            s31 = TSimd.MultiplyAdd(v, w1, s31);
        }

        TVector c0 = TSimd.Load(corrections), c1 = TSimd.Load(corrections + TSimd.Width);
        Update(outputs, c0, c1, s00, s01);
        Update(outputs + Queries, c0, c1, s10, s11);
        Update(outputs + 2 * Queries, c0, c1, s20, s21);
        Update(outputs + 3 * Queries, c0, c1, s30, s31);
    }

    [MethodImpl(JitOptions.Loop)]
    private static void AddTwo(float* values, nint stride, int count, float* weights, float* corrections, float* outputs)
    {
        TVector s00 = TSimd.Zero, s01 = TSimd.Zero, s10 = TSimd.Zero, s11 = TSimd.Zero;
        for (int key = 0; key < count; key++, values += stride, weights += Queries)
        {
            TVector w0 = TSimd.Load(weights), w1 = TSimd.Load(weights + TSimd.Width);
            TVector v = TSimd.Broadcast(values[0]);
            s00 = TSimd.MultiplyAdd(v, w0, s00);
            s01 = TSimd.MultiplyAdd(v, w1, s01);
            v = TSimd.Broadcast(values[1]);
            s10 = TSimd.MultiplyAdd(v, w0, s10);
            s11 = TSimd.MultiplyAdd(v, w1, s11);
        }

        TVector c0 = TSimd.Load(corrections), c1 = TSimd.Load(corrections + TSimd.Width);
        Update(outputs, c0, c1, s00, s01);
        Update(outputs + Queries, c0, c1, s10, s11);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(float* to, TVector lower, TVector upper)
    {
        TSimd.Store(to, lower);
        TSimd.Store(to + TSimd.Width, upper);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Update(float* outputs, TVector c0, TVector c1, TVector lower, TVector upper)
    {
        TSimd.Store(outputs, TSimd.MultiplyAdd(TSimd.Load(outputs), c0, lower));
        TSimd.Store(outputs + TSimd.Width, TSimd.MultiplyAdd(TSimd.Load(outputs + TSimd.Width), c1, upper));
    }
}
