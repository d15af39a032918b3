using MoA.Engine.Attention;
using MoA.Engine.Configuration;
using MoA.Engine.KvCache;
using MoA.Engine.Numerics;

namespace MoA.Evaluation.Estimates;

/// <summary>What KV caches take at their peak: with what policies that choose rows note, and what they copy while they choose.</summary>
internal static class CacheMemory
{
    /// <summary>The most bytes of sequences side by side.</summary>
    /// <param name="config">The model.</param>
    /// <param name="policy">The policy.</param>
    /// <param name="lengths">Prompt and new tokens of each.</param>
    /// <param name="type">Format of the caches.</param>
    public static long Peak(ModelConfig config, AttentionPolicy policy, IEnumerable<int> lengths, ElementType type)
    {
        ArgumentNullException.ThrowIfNull(lengths);
        long rows = 0;
        List<long> besides = [];
        foreach (int length in lengths)
        {
            long bytes = SequenceCache.EstimateBytes(config, policy, length, type);
            rows += bytes;
            besides.Add(SequenceCache.EstimatePeakBytes(config, policy, length, type) - bytes);
        }

        return rows + Besides(policy, besides);
    }

    /// <summary>The most bytes beside rows: prompts that are read twice are so one after the other.</summary>
    /// <param name="policy">The policy.</param>
    /// <param name="bytes">Those of each sequence.</param>
    public static long Besides(AttentionPolicy policy, IEnumerable<long> bytes) =>
        policy is EvictionPolicy { Scorer.ReadsTwice: true } ? bytes.DefaultIfEmpty().Max() : bytes.Sum();
}
