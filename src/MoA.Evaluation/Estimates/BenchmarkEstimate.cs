using MoA.Engine.Generation;
using MoA.Engine.KvCache;
using MoA.Evaluation.Benchmarking;

namespace MoA.Evaluation.Estimates;

/// <summary>What a benchmark would take; it writes nothing.</summary>
public static class BenchmarkEstimate
{
    /// <summary>Reckons.</summary>
    /// <param name="model">The model.</param>
    /// <param name="speed">How fast it runs.</param>
    /// <param name="settings">What is measured.</param>
    /// <param name="policies">The policies.</param>
    public static RunEstimate Of(LanguageModel model, ModelSpeed speed, BenchmarkSettings settings, IReadOnlyList<BenchmarkPolicy> policies)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(speed);
        ArgumentNullException.ThrowIfNull(settings);
        ArgumentNullException.ThrowIfNull(policies);
        new BenchmarkRun(model, settings).Check(policies);
        List<EstimatedTime> times = [];
        long caches = 0;
        foreach (int length in settings.Lengths)
        {
            foreach (int batch in settings.Batches)
            {
                foreach (BenchmarkPolicy policy in policies)
                {
                    double seconds = speed.Decode(policy.Policy, length + settings.DecodeTokens, settings.DecodeTokens, batch);
                    if (!settings.SyntheticContext)
                        seconds += batch * speed.Prefill(policy.Policy, length);
                    times.Add(new EstimatedTime($"{policy.Label}, {batch} × {length}", settings.Repeats * seconds, $"{settings.Repeats} repeats"));
                    caches = Math.Max(caches, batch *
                        SequenceCache.EstimateBytes(model.Config, policy.Policy, length + settings.DecodeTokens, settings.CacheType));
                }
            }
        }

        return new RunEstimate
        {
            Memory =
            [
                .. ModelMemory.Of(model), new EstimatedMemory("KV caches", caches), new EstimatedMemory("bandwidth measurement", MemoryBandwidth.BufferBytes),
            ],
            Times = times,
            Files = [],
            Basis = speed.Basis,
        };
    }
}
