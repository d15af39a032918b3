using ILGPU;

namespace MoA.Gpu.Kernels.Gradients;

/// <summary>y[rows[i]] = x[i], row by row. A thread four numbers.</summary>
internal struct ScatterRows : IDeviceKernel
{
    /// <summary>As many rows of floats as there are numbers of rows.</summary>
    public ArrayView<Quad> X;

    public ArrayView<int> Rows;

    public ArrayView<Quad> Y;

    /// <summary>Quads of a row.</summary>
    public int RowQuads;

    /// <inheritdoc/>
    public readonly void Run()
    {
        int i = Threads.Index;
        if (i < (int)Rows.Length * RowQuads)
            Y[(long)Rows[i / RowQuads] * RowQuads + i % RowQuads] = X[i];
    }
}
