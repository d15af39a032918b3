using System.Runtime.CompilerServices;
using MoA.Engine.Numerics;

namespace MoA.Engine.Kernels;

/// <summary>
/// Softmax over a row that arrives in pieces: the running maximum is subtracted, and what was summed under an older
/// maximum is scaled down when a larger one comes. Scores are logarithms to base 2: whoever computes them folds log₂e
/// into the queries' scale, and a power of two costs less than one of e.
/// </summary>
internal static unsafe class OnlineSoftmax<TSimd, TVector>
    where TSimd : ISimd<TVector>
    where TVector : struct
{
    /// <summary>log₂e, by which natural logarithms are multiplied to become logarithms to base 2.</summary>
    public const float Log2E = 1.44269504f;

    /// <summary>A maximum that any score exceeds; finite, so that its difference to a score is a number.</summary>
    public const float Lowest = float.MinValue;

    // 1.5·2^23 puts the units of a small number into the lowest mantissa bits, rounded to nearest; the 127 on top makes
    // those bits the biased exponent of 2^n.
    private const float RoundingShift = 12582912f + 127f;

    /// <summary>
    /// 2^x for x ≤ 127, to about 2 units in the last place; exactly 0 below −126.5, −∞ included, so that hidden scores
    /// weigh nothing.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Exp2(TVector x)
    {
        x = TSimd.Max(x, TSimd.Broadcast(-127f));
        TVector shifted = TSimd.Add(x, TSimd.Broadcast(RoundingShift));
        TVector r = TSimd.Subtract(x, TSimd.Subtract(shifted, TSimd.Broadcast(RoundingShift)));
        // The polynomial of degree 5 with the least relative error (9e-8) on [-1/2, 1/2] among those that are 1 at 0.
        TVector p = TSimd.Broadcast(1.3264727e-3f);
        p = TSimd.MultiplyAdd(p, r, TSimd.Broadcast(9.6715130e-3f));
        p = TSimd.MultiplyAdd(p, r, TSimd.Broadcast(5.5507336e-2f));
        p = TSimd.MultiplyAdd(p, r, TSimd.Broadcast(2.4022242e-1f));
        p = TSimd.MultiplyAdd(p, r, TSimd.Broadcast(6.9314700e-1f));
        p = TSimd.MultiplyAdd(p, r, TSimd.Broadcast(1f));
        return TSimd.Multiply(p, TSimd.ShiftIntoExponent(shifted));
    }

    /// <summary>
    /// Turns the scores of one head into weights 2^(score − maximum) and updates the head's maximum and sum. Returns the
    /// factor by which sums made so far must be multiplied, 1 where the maximum stood.
    /// </summary>
    /// <param name="scores">The scores; what fills up the last vector is overwritten.</param>
    /// <param name="count">Scores.</param>
    /// <param name="maximum">The head's maximum.</param>
    /// <param name="sum">The head's sum.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float Update(float* scores, int count, ref float maximum, ref float sum)
    {
        for (; count % TSimd.Width != 0; count++)
            scores[count] = float.NegativeInfinity;
        TVector largest = TSimd.Broadcast(maximum);
        for (int i = 0; i < count; i += TSimd.Width)
            largest = TSimd.Max(largest, TSimd.Load(scores + i));
        float reached = TSimd.MaxLane(largest);
        TVector maxima = TSimd.Broadcast(reached), added = TSimd.Zero;
        for (int i = 0; i < count; i += TSimd.Width)
        {
            TVector weight = Exp2(TSimd.Subtract(TSimd.Load(scores + i), maxima));
            TSimd.Store(scores + i, weight);
            added = TSimd.Add(added, weight);
        }

        float correction = reached == maximum ? 1f : OnlineSoftmax<SimdScalar, float>.Exp2(maximum - reached);
        maximum = reached;
        sum = sum * correction + TSimd.SumLanes(added);
        return correction;
    }

    /// <summary>scores = factor·tanh(scores), whole vectors of them.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Cap(float* scores, int count, float factor)
    {
        TVector factors = TSimd.Broadcast(factor);
        for (int i = 0; i < count; i += TSimd.Width)
            TSimd.Store(scores + i, TSimd.Multiply(SimdMath<TSimd, TVector>.Tanh(TSimd.Load(scores + i)), factors));
    }

    /// <summary>row[0..count) *= factor.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Scale(float* row, int count, float factor) => Scale(row, row, count, factor);

    /// <summary>to[0..count) = factor·from[0..count).</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Scale(float* from, float* to, int count, float factor)
    {
        TVector factors = TSimd.Broadcast(factor);
        int i = 0;
        for (; i <= count - TSimd.Width; i += TSimd.Width)
            TSimd.Store(to + i, TSimd.Multiply(TSimd.Load(from + i), factors));
        for (; i < count; i++)
            to[i] = from[i] * factor;
    }

    /// <summary>to[0..count) += factor·from[0..count).</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void AddScaled(float* from, float* to, int count, float factor)
    {
        TVector factors = TSimd.Broadcast(factor);
        int i = 0;
        for (; i <= count - TSimd.Width; i += TSimd.Width)
            TSimd.Store(to + i, TSimd.MultiplyAdd(TSimd.Load(from + i), factors, TSimd.Load(to + i)));
        for (; i < count; i++)
            to[i] = float.MultiplyAddEstimate(from[i], factor, to[i]);
    }
}
