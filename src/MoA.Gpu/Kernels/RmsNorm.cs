using ILGPU;

namespace MoA.Gpu.Kernels;

/// <summary>
/// y = w·x / √(mean(x²) + ε) of rows; y may be x. A warp a row. What pads a row to whole quads is zero and stays so.
/// </summary>
internal struct RmsNorm : IDeviceKernel
{
    /// <summary>Rows of floats.</summary>
    public ArrayView<Quad> X;

    /// <summary>One row of floats.</summary>
    public ArrayView<Quad> Weight;

    /// <summary>Rows of floats.</summary>
    public ArrayView<Quad> Y;

    public int Rows;

    /// <summary>Numbers in a row that count.</summary>
    public int Columns;

    /// <summary>Quads from one row to the next.</summary>
    public int Stride;

    public float Epsilon;

    /// <inheritdoc/>
    public readonly void Run()
    {
        int row = Threads.Warp;
        if (row >= Rows)
            return;
        int quads = (Columns + 3) / 4;
        long first = (long)row * Stride;
        float sum = 0;
        for (int i = Threads.Lane; i < quads; i += Threads.PerWarp)
        {
            Quad x = X[first + i];
            sum += x.FloatX * x.FloatX + x.FloatY * x.FloatY + (x.FloatZ * x.FloatZ + x.FloatW * x.FloatW);
        }

        float scale = IntrinsicMath.CPUOnly.Rsqrt(LaneSum.OfWarp(sum) / Columns + Epsilon);
        for (int i = Threads.Lane; i < quads; i += Threads.PerWarp)
        {
            Quad x = X[first + i], w = Weight[i];
            Y[first + i] = Quad.Of(
                x.FloatX * scale * w.FloatX, x.FloatY * scale * w.FloatY, x.FloatZ * scale * w.FloatZ, x.FloatW * scale * w.FloatW);
        }
    }
}
