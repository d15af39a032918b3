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
    /// Turns scores[0..count) into weights 2^(score − maximum) and updates the row's state. Returns the factor by which
    /// sums made so far must be multiplied (1 if the maximum stood).
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float Update(float* scores, int count, ref float maximum, ref float sum)
    {
        float newMaximum = MathF.Max(maximum, Largest(scores, count));
        TVector shift = TSimd.Broadcast(newMaximum);
        TVector sums = TSimd.Zero;
        int i = 0;
        for (; i <= count - TSimd.Width; i += TSimd.Width)
        {
            TVector weight = Exp2(TSimd.Subtract(TSimd.Load(scores + i), shift));
            TSimd.Store(scores + i, weight);
            sums = TSimd.Add(sums, weight);
        }

        float added = TSimd.SumLanes(sums);
        for (; i < count; i++)
        {
            float weight = OnlineSoftmax<SimdScalar, float>.Exp2(scores[i] - newMaximum);
            scores[i] = weight;
            added += weight;
        }

        if (newMaximum == maximum)
        {
            sum += added;
            return 1f;
        }

        float correction = OnlineSoftmax<SimdScalar, float>.Exp2(maximum - newMaximum);
        maximum = newMaximum;
        sum = sum * correction + added;
        return correction;
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

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float Largest(float* scores, int count)
    {
        float largest = Lowest;
        int i = 0;
        if (count >= TSimd.Width)
        {
            TVector maxima = TSimd.Load(scores);
            for (i = TSimd.Width; i <= count - TSimd.Width; i += TSimd.Width)
                maxima = TSimd.Max(maxima, TSimd.Load(scores + i));
            largest = TSimd.MaxLane(maxima);
        }

        for (; i < count; i++)
            largest = MathF.Max(largest, scores[i]);
        return largest;
    }
}
