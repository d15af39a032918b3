using MoA.Engine.Attention;
using MoA.Engine.Generation;
using MoA.Engine.KvCache;
using MoA.Engine.Numerics;
using MoA.Evaluation.Prompts;

namespace MoA.Evaluation.Estimates;

/// <summary>What the prompts of a file would take.</summary>
internal static class PromptEstimate
{
    /// <summary>Reckons.</summary>
    /// <param name="model">The model.</param>
    /// <param name="speed">How fast it runs.</param>
    /// <param name="policy">The policy.</param>
    /// <param name="cacheType">Format of the caches.</param>
    /// <param name="cacheBytes">Bytes of caches at one time.</param>
    /// <param name="items">The prompts, one at least.</param>
    /// <param name="results">The file of results.</param>
    public static RunEstimate Of(
        LanguageModel model, ModelSpeed speed, AttentionPolicy policy, ElementType cacheType, long cacheBytes, IReadOnlyList<PromptItem> items, string results)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(speed);
        ArgumentNullException.ThrowIfNull(items);
        int most = Math.Min(new PromptBatch(model, policy, cacheType).MaxSequences, model.Transformer.MaxRows);
        long[] besides =
        [
            .. items.Select(item => SequenceCache.EstimatePeakBytes(model.Config, policy, Length(item), cacheType) - SequenceCache.EstimateBytes(model.Config, policy, Length(item), cacheType))
                .OrderDescending().Take(most),
        ];
        long[] bytes = [.. items.Select(item => SequenceCache.EstimateBytes(model.Config, policy, Length(item), cacheType)).OrderDescending()];
        int together = (int)Math.Clamp(cacheBytes / Math.Max(1, bytes[0]), 1, Math.Min(most, items.Count));
        double seconds = items.Sum(item =>
            speed.Prefill(policy, item.Prompt.Tokens.Length) + speed.Decode(policy, Length(item), item.MaxNewTokens, together) / together);
        return new RunEstimate
        {
            Memory = [.. ModelMemory.Of(model), new EstimatedMemory("KV caches", Math.Max(bytes[0], Math.Min(cacheBytes, bytes.Take(most).Sum())) + CacheMemory.Besides(policy, besides))],
            Times = [new EstimatedTime("generate", seconds, $"{items.Count} prompts, {together} side by side")],
            Files = [results],
            Basis = speed.Basis,
        };

        static int Length(PromptItem item) => item.Prompt.Tokens.Length + item.MaxNewTokens;
    }
}
