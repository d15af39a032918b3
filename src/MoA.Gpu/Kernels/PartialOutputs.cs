using ILGPU;

namespace MoA.Gpu.Kernels;

/// <summary>What pieces of heads found: outputs weighted but not divided, each with its largest score and its sum of weights.</summary>
internal struct PartialOutputs
{
    /// <summary>[pieces, group, d] floats.</summary>
    public ArrayView<Quad> Quads;

    /// <summary>[pieces, group, 2]: largest score (to base 2), sum.</summary>
    public ArrayView<float> States;

    /// <summary>Quads of a head.</summary>
    public int HeadQuads;
}
