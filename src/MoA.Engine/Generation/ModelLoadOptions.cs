using MoA.Engine.Kernels;
using MoA.Engine.Models;
using MoA.Engine.Numerics;

namespace MoA.Engine.Generation;

/// <summary>How a model is loaded.</summary>
public sealed record ModelLoadOptions
{
    /// <summary>The device that runs it, which stays the caller's; null: the processor, for this model alone.</summary>
    public ComputeBackend? Backend { get; init; }

    /// <summary>Threads, where no device is given; 0: as many as there are cores.</summary>
    public int Threads { get; init; }

    /// <summary>Most tokens in one forward pass; 0: what suits the device.</summary>
    public int MaxRows { get; init; }

    /// <summary>Format to convert the matrices to; null: as stored.</summary>
    public ElementType? Weights { get; init; }

    /// <summary>A chat template in place of the model's own: a name or a file, as <see cref="Tokenization.ChatTemplate.Load"/> takes it.</summary>
    public string? ChatTemplate { get; init; }

    /// <summary>Where the processor reads the weights from.</summary>
    public WeightResidency Residency { get; init; } = WeightResidency.Auto;
}
