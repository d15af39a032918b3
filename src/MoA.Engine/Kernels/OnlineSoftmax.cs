using System.Runtime.CompilerServices;
using MoA.Engine.Numerics;

namespace MoA.Engine.Kernels;

/// <summary>
/// Softmax over a row that arrives in pieces: the running maximum is subtracted, and what was summed under an older
/// maximum is scaled down when a larger one comes.
/// </summary>
internal static unsafe class OnlineSoftmax<TSimd, TVector>
    where TSimd : ISimd<TVector>
    where TVector : struct
{
    /// <summary>
    /// Turns scores[0..count) into weights e^(scale·score − maximum) and updates the row's state. Returns the factor by
    /// which sums made so far must be multiplied (1 if the maximum stood).
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float Update(float* scores, int count, float scale, ref float maximum, ref float sum)
    {
        float largest = Largest(scores, count) * scale;
        float newMaximum = MathF.Max(maximum, largest);
        TVector scales = TSimd.Broadcast(scale), shift = TSimd.Broadcast(-newMaximum);
        TVector sums = TSimd.Zero;
        int i = 0;
        for (; i <= count - TSimd.Width; i += TSimd.Width)
        {
            TVector weight = SimdMath<TSimd, TVector>.Exp(TSimd.MultiplyAdd(TSimd.Load(scores + i), scales, shift));
            TSimd.Store(scores + i, weight);
            sums = TSimd.Add(sums, weight);
        }

        float added = TSimd.SumLanes(sums);
        for (; i < count; i++)
        {
            float weight = SimdMath<SimdScalar, float>.Exp(scores[i] * scale - newMaximum);
            scores[i] = weight;
            added += weight;
        }

        float correction = 1f;
        if (newMaximum > maximum)
        {
            correction = float.IsNegativeInfinity(maximum)
                ? 0f
                : SimdMath<SimdScalar, float>.Exp(maximum - newMaximum);
            maximum = newMaximum;
        }

        sum = sum * correction + added;
        return correction;
    }

    /// <summary>row[0..count) *= factor.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Scale(float* row, int count, float factor)
    {
        TVector factors = TSimd.Broadcast(factor);
        int i = 0;
        for (; i <= count - TSimd.Width; i += TSimd.Width)
            TSimd.Store(row + i, TSimd.Multiply(TSimd.Load(row + i), factors));
        for (; i < count; i++)
            row[i] *= factor;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float Largest(float* scores, int count)
    {
        float largest = float.NegativeInfinity;
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
