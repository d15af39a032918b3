using System.Runtime.CompilerServices;
using MoA.Engine.Numerics;

namespace MoA.Engine.Kernels.Strips;

/// <summary>A weight of a <see cref="StripProduct{TSimd,TVector,TFormat}"/>, and where its products go.</summary>
internal readonly unsafe struct StripTarget(WeightTensor weight, float* output, StripItems items, int firstItem)
{
    /// <summary>The weight.</summary>
    public WeightTensor Weight { get; } = weight;

    /// <summary>Its first strip; null where it is not laid out.</summary>
    public byte* Strips { get; } = weight is StripWeight placed ? placed.Strips : null;

    /// <summary>[rows, outputs].</summary>
    public float* Output { get; } = output;

    /// <summary>How its strips are cut into items.</summary>
    public StripItems Items { get; } = items;

    /// <summary>The first of them in the job.</summary>
    public int FirstItem { get; } = firstItem;

    /// <summary>The item after its last.</summary>
    public int EndItem => FirstItem + Items.Count;
}

/// <summary>The weights of a job.</summary>
[InlineArray(Most)]
internal struct StripTargets
{
    /// <summary>How many there can be.</summary>
    public const int Most = 3;

    private StripTarget _first;
}
