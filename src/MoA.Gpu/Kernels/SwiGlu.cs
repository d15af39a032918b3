using ILGPU;

namespace MoA.Gpu.Kernels;

/// <summary>gate := silu(gate)·up, silu(z) = z/(1 + e^-z). A thread four numbers.</summary>
internal struct SwiGlu : IDeviceKernel
{
    private const float Log2E = 1.44269504088896341f;

    public ArrayView<Quad> Gate;

    public ArrayView<Quad> Up;

    /// <inheritdoc/>
    public readonly void Run()
    {
        int i = Threads.Index;
        if (i >= Gate.Length)
            return;
        Quad z = Gate[i], up = Up[i];
        Gate[i] = Quad.Of(
            Silu(z.FloatX) * up.FloatX, Silu(z.FloatY) * up.FloatY, Silu(z.FloatZ) * up.FloatZ, Silu(z.FloatW) * up.FloatW);
    }

    private static float Silu(float z) => z / (1 + IntrinsicMath.CPUOnly.Exp2(-Log2E * z));
}
