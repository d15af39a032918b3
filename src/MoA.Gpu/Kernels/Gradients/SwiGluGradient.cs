using ILGPU;

namespace MoA.Gpu.Kernels.Gradients;

/// <summary>
/// Of y = silu(z)·u: z := dy·u·σ(z)·(1 + z·(1 − σ(z))), u := dy·z·σ(z), with σ(z) = 1/(1 + e^-z). A thread four numbers.
/// </summary>
internal struct SwiGluGradient : IDeviceKernel
{
    private const float Log2E = 1.44269504088896341f;

    public ArrayView<Quad> Gate;

    public ArrayView<Quad> Up;

    public ArrayView<Quad> OutputGradient;

    /// <inheritdoc/>
    public readonly void Run()
    {
        int i = Threads.Index;
        if (i >= Gate.Length)
            return;
        Quad z = Gate[i], u = Up[i], g = OutputGradient[i];
        float x = Sigmoid(z.FloatX), y = Sigmoid(z.FloatY), v = Sigmoid(z.FloatZ), w = Sigmoid(z.FloatW);
        Gate[i] = Quad.Of(
            g.FloatX * u.FloatX * Slope(z.FloatX, x),
            g.FloatY * u.FloatY * Slope(z.FloatY, y),
            g.FloatZ * u.FloatZ * Slope(z.FloatZ, v),
            g.FloatW * u.FloatW * Slope(z.FloatW, w));
        Up[i] = Quad.Of(
            g.FloatX * z.FloatX * x, g.FloatY * z.FloatY * y, g.FloatZ * z.FloatZ * v, g.FloatW * z.FloatW * w);
    }

    private static float Sigmoid(float z) => 1 / (1 + IntrinsicMath.CPUOnly.Exp2(-Log2E * z));

    private static float Slope(float z, float sigmoid) => sigmoid * (1 + z * (1 - sigmoid));
}
