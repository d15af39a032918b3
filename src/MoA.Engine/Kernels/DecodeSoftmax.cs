using System.Runtime.CompilerServices;
using MoA.Engine.Numerics;

namespace MoA.Engine.Kernels;

/// <summary>
/// <see cref="OnlineSoftmax{TSimd,TVector}"/> for a block's scores of several heads: one head's steps wait for each other, those of different
/// heads do not, and go side by side where no branch stands between them.
/// </summary>
internal static unsafe class DecodeSoftmax<TSimd, TVector>
    where TSimd : ISimd<TVector>
    where TVector : struct
{
    /// <summary>Turns scores into weights 2^(score − maximum) and updates every head's maximum and sum.</summary>
    /// <param name="scores">[heads, <see cref="DecodeBlock.Rows"/>]; those beyond the last row are overwritten.</param>
    /// <param name="heads">Heads.</param>
    /// <param name="count">Rows.</param>
    /// <param name="maxima">The heads' maxima.</param>
    /// <param name="sums">The heads' sums.</param>
    /// <param name="corrections">Get the factors by which sums made so far must be multiplied, 1 where the maximum stood.</param>
    [MethodImpl(JitOptions.Loop)]
    public static void Update(float* scores, int heads, int count, float* maxima, float* sums, float* corrections)
    {
        int width = TSimd.Width, filled = (count + 4 * width - 1) / (4 * width) * (4 * width);
        for (int head = 0; head < heads; head++)
        {
            float* row = scores + head * DecodeBlock.Rows;
            for (int i = count; i < filled; i++)
                row[i] = float.NegativeInfinity;
            TVector m0 = TSimd.Broadcast(maxima[head]), m1 = m0, m2 = m0, m3 = m0;
            for (float* end = row + filled; row < end; row += 4 * width)
            {
                m0 = TSimd.Max(m0, TSimd.Load(row));
                m1 = TSimd.Max(m1, TSimd.Load(row + width));
                m2 = TSimd.Max(m2, TSimd.Load(row + 2 * width));
                m3 = TSimd.Max(m3, TSimd.Load(row + 3 * width));
            }

            float reached = TSimd.MaxLane(TSimd.Max(TSimd.Max(m0, m1), TSimd.Max(m2, m3)));
            corrections[head] = maxima[head] - reached;
            maxima[head] = reached;
        }

        for (int head = 0; head < heads; head++)
        {
            float* row = scores + head * DecodeBlock.Rows;
            TVector maximum = TSimd.Broadcast(maxima[head]), s0 = TSimd.Zero, s1 = s0, s2 = s0, s3 = s0;
            for (float* end = row + filled; row < end; row += 4 * width)
            {
                TVector w0 = Weight(row, maximum), w1 = Weight(row + width, maximum);
                TVector w2 = Weight(row + 2 * width, maximum), w3 = Weight(row + 3 * width, maximum);
                TSimd.Store(row, w0);
                TSimd.Store(row + width, w1);
                TSimd.Store(row + 2 * width, w2);
                TSimd.Store(row + 3 * width, w3);
                s0 = TSimd.Add(s0, w0);
                s1 = TSimd.Add(s1, w1);
                s2 = TSimd.Add(s2, w2);
                s3 = TSimd.Add(s3, w3);
            }

            float correction = OnlineSoftmax<SimdScalar, float>.Exp2(corrections[head]);
            sums[head] = sums[head] * correction + TSimd.SumLanes(TSimd.Add(TSimd.Add(s0, s1), TSimd.Add(s2, s3)));
            corrections[head] = correction;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector Weight(float* score, TVector maximum) =>
        OnlineSoftmax<TSimd, TVector>.Exp2(TSimd.Subtract(TSimd.Load(score), maximum));
}
