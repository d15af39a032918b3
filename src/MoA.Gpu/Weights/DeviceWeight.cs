using ILGPU;
using MoA.Gpu.Kernels;

namespace MoA.Gpu.Weights;

/// <summary>A weight on the device as kernels see it (<see cref="WeightLayout"/>).</summary>
internal struct DeviceWeight
{
    public ArrayView<Quad> Quads;

    /// <summary>Factors of blocks, binary16 bits; empty where they stand in the blocks.</summary>
    public ArrayView<ushort> Factors;

    public int Rows;

    /// <summary>Blocks of a row; plain numbers are counted in blocks of 8.</summary>
    public int BlocksPerRow;
}
