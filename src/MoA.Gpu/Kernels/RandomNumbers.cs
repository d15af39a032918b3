using ILGPU;
using MoA.Gpu.Weights;

namespace MoA.Gpu.Kernels;

/// <summary>Draws rows of a weight of plain numbers: uniform, mean 0; the padding of rows is zero. A thread eight numbers.</summary>
internal struct RandomNumbers<TFormat> : IDeviceKernel
    where TFormat : struct, IPlainFormat
{
    public ArrayView<Quad> Quads;

    /// <summary>Numbers of a row, and parts of eight that they are padded to.</summary>
    public int Columns, PartsPerRow;

    /// <summary>Parts of all rows.</summary>
    public long Parts;

    public ulong Seed;

    /// <summary>Standard deviation.</summary>
    public float Deviation;

    /// <inheritdoc/>
    public readonly void Run()
    {
        long index = Threads.Index;
        if (index < Parts)
            TFormat.Write(Quads, index, RandomBits.Octet(Seed + 8 * (ulong)index).Times(Deviation).First(Columns - 8 * (int)(index % PartsPerRow)));
    }
}
