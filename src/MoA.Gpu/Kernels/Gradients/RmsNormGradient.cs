using ILGPU;

namespace MoA.Gpu.Kernels.Gradients;

/// <summary>
/// Of y = w·x·r with r = 1/√(mean(x²) + ε): dx (+)= r·(w·dy − x·r²·mean(w·dy·x)) of rows; dx may be dy. A warp a row. What pads a row
/// to whole quads is zero and stays so.
/// </summary>
internal struct RmsNormGradient : IDeviceKernel
{
    /// <summary>Rows of floats.</summary>
    public ArrayView<Quad> X;

    /// <summary>One row of floats.</summary>
    public ArrayView<Quad> Weight;

    /// <summary>Rows of floats.</summary>
    public ArrayView<Quad> OutputGradient;

    /// <summary>Rows of floats.</summary>
    public ArrayView<Quad> InputGradient;

    public int Rows;

    /// <summary>Numbers in a row that count.</summary>
    public int Columns;

    /// <summary>Quads from one row to the next.</summary>
    public int Stride;

    public float Epsilon;

    /// <summary>1 to add to what stands there, 0 to replace it.</summary>
    public int Accumulate;

    /// <inheritdoc/>
    public readonly void Run()
    {
        int row = Threads.Warp;
        if (row >= Rows)
            return;
        int quads = (Columns + 3) / 4;
        long first = (long)row * Stride;
        float squares = 0, products = 0;
        for (int i = Threads.Lane; i < quads; i += Threads.PerWarp)
        {
            Quad x = X[first + i], g = OutputGradient[first + i], w = Weight[i];
            squares += x.FloatX * x.FloatX + x.FloatY * x.FloatY + (x.FloatZ * x.FloatZ + x.FloatW * x.FloatW);
            products += x.FloatX * w.FloatX * g.FloatX + x.FloatY * w.FloatY * g.FloatY
                + (x.FloatZ * w.FloatZ * g.FloatZ + x.FloatW * w.FloatW * g.FloatW);
        }

        float r = IntrinsicMath.CPUOnly.Rsqrt(LaneSum.OfWarp(squares) / Columns + Epsilon);
        float pull = -r * r * r * LaneSum.OfWarp(products) / Columns;
        for (int i = Threads.Lane; i < quads; i += Threads.PerWarp)
        {
            Quad x = X[first + i], g = OutputGradient[first + i], w = Weight[i];
            Quad gradient = Quad.Of(
                w.FloatX * g.FloatX * r + x.FloatX * pull,
                w.FloatY * g.FloatY * r + x.FloatY * pull,
                w.FloatZ * g.FloatZ * r + x.FloatZ * pull,
                w.FloatW * g.FloatW * r + x.FloatW * pull);
            if (Accumulate != 0)
            {
                Quad before = InputGradient[first + i];
                gradient = before.Plus(gradient);
            }

            InputGradient[first + i] = gradient;
        }
    }
}
