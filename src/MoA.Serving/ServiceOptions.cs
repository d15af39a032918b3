using MoA.Engine;
using MoA.Engine.Attention;
using MoA.Engine.Attention.Policies;
using MoA.Engine.Configuration;
using MoA.Engine.Numerics;

namespace MoA.Serving;

/// <summary>How a model is served.</summary>
public sealed record ServiceOptions
{
    /// <summary>What callers call the model, in telemetry too; null: its own name.</summary>
    public string? Name { get; init; }

    /// <summary>Which rows of the past stay.</summary>
    public AttentionPolicy Policy { get; init; } = AttentionPolicy.Dense;

    /// <summary>The policy as it is written on the command line, <c>h2o:density=0.5</c>; read when the service starts, it takes the place of <see cref="Policy"/>.</summary>
    public string? PolicyText { get; init; }

    /// <summary>A plan's file; read when the service starts, it takes the place of <see cref="Policy"/>.</summary>
    public string? PlanFile { get; init; }

    /// <summary>Format of the KV rows.</summary>
    public ElementType CacheType { get; init; } = ElementType.BF16;

    /// <summary>Bytes of all KV caches together, those of kept prefixes included; never exceeded. Null: half of the memory that is free at the start.</summary>
    public long? CacheBytes { get; init; }

    /// <summary>Most sequences that are written at one time.</summary>
    public int MaxSequences { get; init; } = 32;

    /// <summary>Most requests that wait.</summary>
    public int QueueLength { get; init; } = 256;

    /// <summary>How long a request may wait before it is refused.</summary>
    public TimeSpan LongestWait { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>New tokens of a request that does not say how many.</summary>
    public int DefaultNewTokens { get; init; } = 2048;

    /// <summary>How many times as long as a step without them a step may take that reads prompts while others are written.</summary>
    public double LongestStep { get; init; } = 2.25;

    /// <summary>Whether caches outlive their request, for one that goes on where it ended.</summary>
    public bool KeepPrefixes { get; init; } = true;

    /// <summary>A folder where the caches of conversations are saved when a request ends, and from which they are read again after a restart; null: nowhere.</summary>
    public string? SessionFolder { get; init; }

    /// <summary>Most bytes of the files in <see cref="SessionFolder"/>; the oldest give way. Null: four times as much as caches may take.</summary>
    public long? SessionBytes { get; init; }

    /// <summary>Is told, in a line, what a log should know: what had to be read again and why, files that cannot be used. Called on the service's threads.</summary>
    public Action<string>? Note { get; init; }

    /// <summary>Checks what can be checked without a model: ranges, whether a plan can be read and a policy is known.</summary>
    /// <exception cref="InvalidInputException">Something is wrong; the first of it is named.</exception>
    public void Check()
    {
        Require(CacheBytes is null or > 0, nameof(CacheBytes), CacheBytes ?? 0, "a positive number of bytes");
        Require(SessionBytes is null or > 0, nameof(SessionBytes), SessionBytes ?? 0, "a positive number of bytes");
        Require(MaxSequences > 0, nameof(MaxSequences), MaxSequences, "at least 1");
        Require(QueueLength >= 0, nameof(QueueLength), QueueLength, "0 or more");
        Require(LongestWait > TimeSpan.Zero, nameof(LongestWait), LongestWait.TotalSeconds, "more than 0 seconds");
        Require(DefaultNewTokens > 0, nameof(DefaultNewTokens), DefaultNewTokens, "at least 1");
        Require(LongestStep > 1 && double.IsFinite(LongestStep), nameof(LongestStep), LongestStep, "a number above 1");
        if (PlanFile is string plan)
            _ = Engine.Attention.PlanFile.Load(plan);
        if (PolicyText is string policy && !PolicyReader.HasSize(policy))
            throw new InvalidInputException($"policy {policy} has no size, as in {policy}:density=0.5");
    }

    /// <summary>The options with the policy that <see cref="PolicyText"/> and <see cref="PlanFile"/> name, if any.</summary>
    internal ServiceOptions ReadPolicy(ModelConfig config) =>
        PolicyText is null && PlanFile is null ? this : this with { Policy = PolicyReader.Read(PolicyText, PlanFile, config) };

    private static void Require(bool holds, string name, double value, string expected)
    {
        if (!holds)
            throw new InvalidInputException(FormattableString.Invariant($"{name} {value}: expected {expected}"));
    }
}
