using MoA.Engine.Attention;
using MoA.Engine.Generation;
using MoA.Engine.Numerics;
using MoA.Evaluation.Policies;

namespace MoA.Evaluation.Estimates;

/// <summary>What the measuring of head scores would take and write.</summary>
internal static class HeadsEstimate
{
    /// <summary>Reckons.</summary>
    /// <param name="model">The model.</param>
    /// <param name="speed">How fast it runs.</param>
    /// <param name="rule">By which rule heads are measured.</param>
    /// <param name="tokens">Tokens of each text.</param>
    /// <param name="files">What is written.</param>
    public static RunEstimate Of(LanguageModel model, ModelSpeed speed, HeadRule rule, IReadOnlyList<int> tokens, IReadOnlyList<string> files)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(speed);
        ArgumentNullException.ThrowIfNull(tokens);
        AttentionPolicy policy = HeadMeasure.PolicyOf(rule);
        int readings = rule == HeadRule.KvZip ? 2 : 1;
        return new RunEstimate
        {
            Memory =
            [
                .. ModelMemory.Of(model),
                new EstimatedMemory("KV caches", tokens.Max(count => CacheMemory.Peak(model.Config, policy, [count], ElementType.F32))),
            ],
            Times =
            [
                new EstimatedTime(
                    "heads", readings * tokens.Sum(count => speed.Prefill(policy, count)), $"{tokens.Count} texts, {tokens.Sum()} tokens{(readings > 1 ? ", read twice" : "")}"),
            ],
            Files = files,
            Basis = speed.Basis,
        };
    }
}
