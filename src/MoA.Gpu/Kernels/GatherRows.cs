using ILGPU;

namespace MoA.Gpu.Kernels;

/// <summary>Copies chosen rows: y[i] = x[rows[i]]. A thread four numbers.</summary>
internal struct GatherRows : IDeviceKernel
{
    public ArrayView<Quad> X;

    public ArrayView<int> Rows;

    public ArrayView<Quad> Y;

    /// <summary>Quads of a row.</summary>
    public int RowQuads;

    /// <inheritdoc/>
    public readonly void Run()
    {
        int index = Threads.Index, row = index / RowQuads;
        if (row < Rows.Length)
            Y[index] = X[(long)Rows[row] * RowQuads + index % RowQuads];
    }
}
