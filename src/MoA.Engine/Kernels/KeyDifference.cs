using MoA.Engine.Attention.Scoring;
using MoA.Engine.KvCache;
using MoA.Engine.Numerics;

namespace MoA.Engine.Kernels;

/// <summary>The sums behind <see cref="KeyDifferenceScorer"/>.</summary>
internal static unsafe class KeyDifference<TSimd, TVector>
    where TSimd : ISimd<TVector>
    where TVector : struct
{
    // As in PyTorch's normalize: no key is shorter.
    private const float Shortest = 1e-12f;

    /// <summary>Scores the rows of a head by one less the cosine of their keys to the mean direction of all.</summary>
    public static void Score(HeadCache cache, int size, WorkerScratch scratch, int worker)
    {
        HeldTokens tokens = cache.Tokens!;
        float* key = scratch.Floats(worker, 2L * size), mean = key + size;
        new Span<float>(mean, size).Clear();
        for (int row = 0; row < tokens.Count; row++)
            OnlineSoftmax<TSimd, TVector>.AddScaled(key, mean, size, 1 / Read(cache, row, key, size));
        float length = Length(mean, size);
        for (int row = 0; row < tokens.Count; row++)
        {
            float own = Read(cache, row, key, size);
            tokens.Scores[row] = MathF.Max(0, 1 - Dot.Run<TSimd, TVector>(key, mean, size) / (own * length));
        }
    }

    private static float Read(HeadCache cache, int row, float* key, int size)
    {
        NumberFormat<TSimd, TVector>.Widen(cache.Type, cache.Keys + (nint)row * cache.BytesPerRow, key, size);
        return Length(key, size);
    }

    private static float Length(float* x, int size) => MathF.Max(Shortest, MathF.Sqrt(Dot.Run<TSimd, TVector>(x, x, size)));
}
