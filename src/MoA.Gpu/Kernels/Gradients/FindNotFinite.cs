using ILGPU;

namespace MoA.Gpu.Kernels.Gradients;

/// <summary>Sets a flag if any number is NaN or infinite. A thread eight quads, so far apart that neighbours read neighbouring ones.</summary>
internal struct FindNotFinite : IDeviceKernel
{
    /// <summary>Quads that a thread looks at.</summary>
    public const int QuadsPerThread = 8;

    private const int Neighbours = 32;
    private const uint Magnitude = 0x7FFFFFFF, Infinity = 0x7F800000;

    public ArrayView<Quad> X;

    /// <summary>One number; becomes 1.</summary>
    public ArrayView<int> Found;

    /// <summary>Threads of a launch.</summary>
    public readonly long Threads => (X.Length + Neighbours * QuadsPerThread - 1) / (Neighbours * QuadsPerThread) * Neighbours;

    /// <inheritdoc/>
    public readonly void Run()
    {
        int index = Kernels.Threads.Index;
        long first = (long)(index / Neighbours) * Neighbours * QuadsPerThread + index % Neighbours, end = Math.Min(X.Length, first + Neighbours * QuadsPerThread);
        uint largest = 0;
        for (long i = first; i < end; i += Neighbours)
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
