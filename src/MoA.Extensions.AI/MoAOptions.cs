using MoA.Engine.Generation;
using MoA.Engine.Models;
using MoA.Engine.Numerics;
using MoA.Serving;

namespace MoA.Extensions.AI;

/// <summary>
/// Which model <see cref="MoAServiceCollectionExtensions.AddMoA"/> opens, and how it is served. A configuration's section binds to it; values are
/// checked when the host starts.
/// </summary>
public sealed class MoAOptions
{
    private static readonly ServiceOptions Defaults = new();

    /// <summary>A Hugging Face folder, a GGUF file, or <c>org/name[@revision][:file.gguf]</c> of the hub's cache on this machine. Has to be set.</summary>
    public string Model { get; set; } = "";

    /// <summary>What callers call the model; null: its own name.</summary>
    public string? Name { get; set; }

    /// <summary>A plan's file, or null.</summary>
    public string? Plan { get; set; }

    /// <summary>A policy as the command line takes it, <c>h2o:density=0.5</c>; null: the plan's, or dense attention.</summary>
    public string? Policy { get; set; }

    /// <summary>A chat template in place of the model's own: a name or a file.</summary>
    public string? ChatTemplate { get; set; }

    /// <summary>Threads; 0: as many as there are cores.</summary>
    public int Threads { get; set; }

    /// <summary>Format to convert the matrices to; null: as stored.</summary>
    public ElementType? Weights { get; set; }

    /// <summary>Where the processor reads the weights from.</summary>
    public WeightResidency Residency { get; set; } = WeightResidency.Auto;

    /// <summary>Format of the KV rows.</summary>
    public ElementType CacheType { get; set; } = Defaults.CacheType;

    /// <summary>Bytes of all KV caches together; null: half of the memory that is free at the start.</summary>
    public long? CacheBytes { get; set; }

    /// <summary>Most sequences that are written at one time.</summary>
    public int MaxSequences { get; set; } = Defaults.MaxSequences;

    /// <summary>Most requests that wait.</summary>
    public int QueueLength { get; set; } = Defaults.QueueLength;

    /// <summary>How long a request may wait before it is refused.</summary>
    public TimeSpan LongestWait { get; set; } = Defaults.LongestWait;

    /// <summary>New tokens of a request that does not say how many.</summary>
    public int DefaultNewTokens { get; set; } = Defaults.DefaultNewTokens;

    /// <summary>Whether caches outlive their request, for one that goes on where it ended.</summary>
    public bool KeepPrefixes { get; set; } = Defaults.KeepPrefixes;

    /// <summary>Where caches are saved when the service stops, and read from when it starts; null: nowhere.</summary>
    public string? SessionFolder { get; set; }

    internal ModelLoadOptions Load => new() { Threads = Threads, Weights = Weights, ChatTemplate = ChatTemplate, Residency = Residency };

    internal ServiceOptions Service => Defaults with
    {
        Name = Name,
        PlanFile = Plan,
        PolicyText = Policy,
        CacheType = CacheType,
        CacheBytes = CacheBytes,
        MaxSequences = MaxSequences,
        QueueLength = QueueLength,
        LongestWait = LongestWait,
        DefaultNewTokens = DefaultNewTokens,
        KeepPrefixes = KeepPrefixes,
        SessionFolder = SessionFolder,
    };
}
