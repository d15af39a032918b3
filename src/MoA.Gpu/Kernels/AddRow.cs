using ILGPU;

namespace MoA.Gpu.Kernels;

/// <summary>
/// y += x, row by row: a residual where x has as many rows, a bias where it has one. A thread four numbers.
/// </summary>
internal struct AddRow : IDeviceKernel
{
    public ArrayView<Quad> Y;

    public ArrayView<Quad> X;

    /// <inheritdoc/>
    public readonly void Run()
    {
        int i = Threads.Index;
        if (i >= Y.Length)
            return;
        Quad y = Y[i], x = X[i % X.Length];
        Y[i] = y.Plus(x);
    }
}
