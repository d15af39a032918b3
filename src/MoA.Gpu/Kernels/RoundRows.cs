using ILGPU;

namespace MoA.Gpu.Kernels;

/// <summary>Rounds rows of floats, or a part of each, to bfloat16, eight to a quad. A thread eight numbers.</summary>
internal struct RoundRows : IDeviceKernel
{
    /// <summary>Floats.</summary>
    public ArrayView<Quad> X;

    /// <summary>Dense rows.</summary>
    public ArrayView<Quad> Y;

    /// <summary>Quads from one row of floats to the next, and the first that is rounded.</summary>
    public int Stride, First;

    /// <summary>Quads of a row of Y.</summary>
    public int RowQuads;

    /// <summary>Threads of a launch.</summary>
    public readonly long Threads => Y.Length;

    /// <inheritdoc/>
    public readonly void Run()
    {
        int index = Kernels.Threads.Index;
        if (index < Threads)
            Y[index] = Octet.Load(X, (long)(index / RowQuads) * Stride + First + 2 * (index % RowQuads)).ToBF16();
    }
}
