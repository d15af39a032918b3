using MoA.Engine.Numerics;

namespace MoA.Engine.Kernels;

/// <summary>The weights of one feed-forward network, a layer's only one or an expert; matrices are [outputs, inputs].</summary>
internal sealed class FeedForwardWeights
{
    /// <summary>Gate projection, [intermediate, hidden].</summary>
    public required WeightTensor Gate { get; init; }

    /// <summary>Up projection, [intermediate, hidden].</summary>
    public required WeightTensor Up { get; init; }

    /// <summary>Down projection, [hidden, intermediate].</summary>
    public required WeightTensor Down { get; init; }

    /// <summary>Added to the gate, [intermediate], or null.</summary>
    public WeightTensor? GateBias { get; init; }

    /// <summary>Added to the up projection, [intermediate], or null.</summary>
    public WeightTensor? UpBias { get; init; }

    /// <summary>Added to the output, [hidden], or null.</summary>
    public WeightTensor? DownBias { get; init; }

    /// <summary>Every weight that is there.</summary>
    internal IEnumerable<WeightTensor> All => new[] { Gate, Up, Down, GateBias, UpBias, DownBias }.OfType<WeightTensor>();

    /// <summary>These weights, each replaced by what <paramref name="convert"/> makes of it.</summary>
    internal FeedForwardWeights Convert(Func<WeightTensor, WeightTensor> convert) => new()
    {
        Gate = convert(Gate),
        Up = convert(Up),
        Down = convert(Down),
        GateBias = GateBias is null ? null : convert(GateBias),
        UpBias = UpBias is null ? null : convert(UpBias),
        DownBias = DownBias is null ? null : convert(DownBias),
    };
}
