using ILGPU;

namespace MoA.Gpu.Kernels;

/// <summary>Which components of a head turn together.</summary>
internal interface IRopePairs
{
    /// <summary>Turns eight components of a head at once: those that index <c>i</c> of d/8 stands for.</summary>
    static abstract void Turn(ArrayView<Quad> x, long head, ArrayView<Quad> angles, long row, int half, int i, float sign);
}

/// <summary>Pairs (f, f + d/2).</summary>
internal readonly struct RopeHalves : IRopePairs
{
    public static void Turn(ArrayView<Quad> x, long head, ArrayView<Quad> angles, long row, int half, int i, float sign)
    {
        Quad a = x[head + i], b = x[head + half + i], c = angles[row + i], s = angles[row + half + i];
        s = s.Times(sign);
        x[head + i] = Quad.Of(
            a.FloatX * c.FloatX - b.FloatX * s.FloatX,
            a.FloatY * c.FloatY - b.FloatY * s.FloatY,
            a.FloatZ * c.FloatZ - b.FloatZ * s.FloatZ,
            a.FloatW * c.FloatW - b.FloatW * s.FloatW);
        x[head + half + i] = Quad.Of(
            a.FloatX * s.FloatX + b.FloatX * c.FloatX,
            a.FloatY * s.FloatY + b.FloatY * c.FloatY,
            a.FloatZ * s.FloatZ + b.FloatZ * c.FloatZ,
            a.FloatW * s.FloatW + b.FloatW * c.FloatW);
    }
}

/// <summary>Pairs (2f, 2f + 1).</summary>
internal readonly struct RopeAdjacent : IRopePairs
{
    public static void Turn(ArrayView<Quad> x, long head, ArrayView<Quad> angles, long row, int half, int i, float sign)
    {
        Quad a = x[head + 2 * i], b = x[head + 2 * i + 1], c = angles[row + i], s = angles[row + half + i];
        s = s.Times(sign);
        x[head + 2 * i] = Quad.Of(
            a.FloatX * c.FloatX - a.FloatY * s.FloatX,
            a.FloatX * s.FloatX + a.FloatY * c.FloatX,
            a.FloatZ * c.FloatY - a.FloatW * s.FloatY,
            a.FloatZ * s.FloatY + a.FloatW * c.FloatY);
        x[head + 2 * i + 1] = Quad.Of(
            b.FloatX * c.FloatZ - b.FloatY * s.FloatZ,
            b.FloatX * s.FloatZ + b.FloatY * c.FloatZ,
            b.FloatZ * c.FloatW - b.FloatW * s.FloatW,
            b.FloatZ * s.FloatW + b.FloatW * c.FloatW);
    }
}

/// <summary>
/// Rotary position embedding in place: pair f turns by the angle whose cosine and sine stand in the row's angles. A thread
/// turns four pairs. Head sizes are multiples of 8.
/// </summary>
internal struct Rope<TPairs> : IDeviceKernel
    where TPairs : struct, IRopePairs
{
    /// <summary>[rows, heads·d] floats.</summary>
    public ArrayView<Quad> X;

    /// <summary>[rows, d] floats.</summary>
    public ArrayView<Quad> Angles;

    public int Rows;

    public int Heads;

    public int HeadSize;

    /// <summary>1, or -1 to turn back.</summary>
    public float Sign;

    /// <inheritdoc/>
    public readonly void Run()
    {
        int half = HeadSize / 8, index = Threads.Index;
        int head = index / half;
        if (head < Rows * Heads)
            TPairs.Turn(X, (long)head * 2 * half, Angles, (long)(head / Heads) * 2 * half, half, index % half, Sign);
    }
}
