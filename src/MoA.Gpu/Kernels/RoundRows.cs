using ILGPU;

namespace MoA.Gpu.Kernels;

/// <summary>Rounds floats to bfloat16, eight to a quad. A thread eight numbers.</summary>
internal struct RoundRows : IDeviceKernel
{
    /// <summary>Floats.</summary>
    public ArrayView<Quad> X;

    /// <summary>Half as many quads.</summary>
    public ArrayView<Quad> Y;

    /// <summary>Threads of a launch.</summary>
    public readonly long Threads => Y.Length;

    /// <inheritdoc/>
    public readonly void Run()
    {
        long index = Kernels.Threads.Index;
        if (index < Threads)
            Y[index] = Octet.Load(X, 2 * index).ToBF16();
    }
}
