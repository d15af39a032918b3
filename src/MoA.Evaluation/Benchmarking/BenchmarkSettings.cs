using MoA.Engine.Numerics;

namespace MoA.Evaluation.Benchmarking;

/// <summary>What <see cref="BenchmarkRun"/> measures.</summary>
public sealed record BenchmarkSettings
{
    /// <summary>Tokens of context before decoding, each at least 1.</summary>
    public required IReadOnlyList<int> Lengths { get; init; }

    /// <summary>Numbers of sequences that decode together, each at least 1.</summary>
    public required IReadOnlyList<int> Batches { get; init; }

    /// <summary>Decode steps that are timed; at least 1.</summary>
    public int DecodeTokens { get; init; } = 64;

    /// <summary>Fill the caches with random rows instead of prefilling.</summary>
    public bool SyntheticContext { get; init; }

    /// <summary>Times that each figure is measured; at least 1.</summary>
    public int Repeats { get; init; } = 3;

    /// <summary>Format of the KV rows.</summary>
    public ElementType CacheType { get; init; } = ElementType.BF16;

    /// <summary>Threads that measure the bandwidth: those of the model's backend.</summary>
    public required int Threads { get; init; }

    /// <summary>Seed of the tokens and of the random rows.</summary>
    public ulong Seed { get; init; }
}
