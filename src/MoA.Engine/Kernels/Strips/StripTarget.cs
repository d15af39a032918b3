using MoA.Engine.Numerics;

namespace MoA.Engine.Kernels.Strips;

/// <summary>A weight of a <see cref="StripProduct{TSimd,TVector,TFormat}"/>, the rows that it is multiplied with, and where its products go.</summary>
internal readonly unsafe struct StripTarget(WeightTensor weight, float* output, int firstRow, int rows, StripItems items = default, int firstItem = 0)
{
    /// <summary>The weight.</summary>
    public WeightTensor Weight { get; } = weight;

    /// <summary>Its first strip; null where it is not laid out.</summary>
    public byte* Strips { get; } = weight is StripWeight placed ? placed.Strips : null;

    /// <summary>[rows, outputs].</summary>
    public float* Output { get; } = output;

    /// <summary>The place of its first row among the inputs.</summary>
    public int FirstRow { get; } = firstRow;

    /// <summary>Rows.</summary>
    public int Rows { get; } = rows;

    /// <summary>How its strips are cut into items.</summary>
    public StripItems Items { get; } = items;

    /// <summary>The first of them in the job.</summary>
    public int FirstItem { get; } = firstItem;

    /// <summary>The item after its last.</summary>
    public int EndItem => FirstItem + Items.Count;
}
