using ILGPU;

namespace MoA.Gpu.Kernels.Gradients;

/// <summary>Sets a flag if any number is NaN or infinite. A thread eight quads, 32 apart.</summary>
internal struct FindNotFinite : IDeviceKernel
{
    /// <summary>Quads that a thread looks at.</summary>
    public const int QuadsPerThread = 8;

    private const uint Magnitude = 0x7FFFFFFF, Infinity = 0x7F800000;

    public ArrayView<Quad> X;

    /// <summary>One number; becomes 1.</summary>
    public ArrayView<int> Found;

    /// <summary>Warps of a launch.</summary>
    public readonly long Warps => (X.Length + 32 * QuadsPerThread - 1) / (32 * QuadsPerThread);

    /// <inheritdoc/>
    public readonly void Run()
    {
        long first = (long)Threads.Warp * 32 * QuadsPerThread + Threads.Lane, end = Math.Min(X.Length, first + 32 * QuadsPerThread);
        uint largest = 0;
        for (long i = first; i < end; i += 32)
        {
            Quad x = X[i];
            largest = Math.Max(largest, Math.Max(
                Math.Max(x.X & Magnitude, x.Y & Magnitude), Math.Max(x.Z & Magnitude, x.W & Magnitude)));
        }

        // Every thread that writes writes the same.
        if (largest >= Infinity)
            Found[0] = 1;
    }
}
