using MoA.Engine.Attention;
using MoA.Engine.Generation;
using MoA.Engine.KvCache;
using MoA.Engine.Numerics;

namespace MoA.Evaluation.Estimates;

/// <summary>What the scoring of texts would take; it writes nothing.</summary>
internal static class ScoringEstimate
{
    /// <summary>Reckons.</summary>
    /// <param name="model">The model.</param>
    /// <param name="speed">How fast it runs.</param>
    /// <param name="policy">The policy.</param>
    /// <param name="cacheType">Format of the caches.</param>
    /// <param name="tokens">Tokens of each item.</param>
    /// <param name="decodeFrom">Tokens that go through prefill; each later one takes a step of its own.</param>
    public static RunEstimate Of(
        LanguageModel model, ModelSpeed speed, AttentionPolicy policy, ElementType cacheType, IReadOnlyList<int> tokens, int decodeFrom)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(speed);
        ArgumentNullException.ThrowIfNull(tokens);
        return new RunEstimate
        {
            Memory =
            [
                .. ModelMemory.Of(model),
                new EstimatedMemory("KV caches", tokens.Max(count => SequenceCache.EstimatePeakBytes(model.Config, policy, count, cacheType))),
            ],
            Times = [new EstimatedTime("score", tokens.Sum(Seconds), $"{tokens.Count} items, {tokens.Sum()} tokens")],
            Files = [],
            Basis = speed.Basis,
        };

        double Seconds(int count)
        {
            int prompt = Math.Min(decodeFrom, count);
            return speed.Prefill(policy, prompt) + speed.Decode(policy, count, count - prompt);
        }
    }
}
