using MoA.Engine.Generation;
using MoA.Evaluation.Benchmarking;

namespace MoA.Evaluation.Estimates;

/// <summary>What a benchmark would take; it writes nothing.</summary>
internal static class BenchmarkEstimate
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
        BenchmarkCase[] cases = [.. BenchmarkCases.Of(model, settings, policies).SelectMany(group => group)];
        List<EstimatedTime> times = [];
        foreach (BenchmarkCase one in cases)
        {
            double seconds = speed.Decode(one.Policy.Policy, one.Length + settings.DecodeTokens, settings.DecodeTokens, one.Batch);
            if (!settings.SyntheticContext)
                seconds += one.Batch * speed.Prefill(one.Policy.Policy, one.Length);
            times.Add(new EstimatedTime(one.ToString(), settings.Repeats * seconds, $"{settings.Repeats} repeats"));
        }

        return new RunEstimate
        {
            Memory =
            [
                .. ModelMemory.Of(model), new EstimatedMemory("KV caches", cases.Max(one => one.CacheBytes)), new EstimatedMemory("bandwidth measurement", MemoryBandwidth.BufferBytes),
            ],
            Times = times,
            Files = [],
            Basis = speed.Basis,
        };
    }
}
