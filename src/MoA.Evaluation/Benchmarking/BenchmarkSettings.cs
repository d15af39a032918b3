using MoA.Engine.Generation;
using MoA.Engine.Numerics;

namespace MoA.Evaluation.Benchmarking;

/// <summary>What <see cref="BenchmarkRun"/> measures.</summary>
internal sealed record BenchmarkSettings
{
    /// <summary>Tokens of context before decoding, each at least 1.</summary>
    public required IReadOnlyList<int> Lengths { get; init; }

    /// <summary>Numbers of sequences that decode together, each at least 1.</summary>
    public IReadOnlyList<int> Batches { get; init; } = [1];

    /// <summary>
    /// Take as many sequences of each length and policy as fit into <see cref="Room"/>, and into a forward pass, in place of
    /// <see cref="Batches"/>.
    /// </summary>
    public bool LargestBatch { get; init; }

    /// <summary>The memory of the caches; null for that of the processor, as much as the machine has available.</summary>
    public MemoryRoom? Room { get; init; }

    /// <summary>Decode steps that are timed; at least 1.</summary>
    public int DecodeTokens { get; init; } = 64;

    /// <summary>
    /// How tokens are drawn once more after each step, which takes the likeliest; penalties do not matter, since no token is read
    /// again. Null for not at all.
    /// </summary>
    public SamplingOptions? Sampling { get; init; }

    /// <summary>Fill the caches with random rows instead of prefilling.</summary>
    public bool SyntheticContext { get; init; }

    /// <summary>Also time each operation of the steps; a model on a device throws <see cref="NotSupportedException"/>.</summary>
    public bool Profile { get; init; }

    /// <summary>Times that each figure is measured; at least 1.</summary>
    public int Repeats { get; init; } = 3;

    /// <summary>Format of the KV rows.</summary>
    public ElementType CacheType { get; init; } = ElementType.BF16;

    /// <summary>Threads that measure the bandwidth: those of the model's backend.</summary>
    public required int Threads { get; init; }

    /// <summary>Seed of the tokens and of the random rows.</summary>
    public ulong Seed { get; init; }
}
