using ILGPU;

namespace MoA.Gpu.Kernels;

/// <summary>
/// Cosines and sines of position·θ: row by row d/2 cosines, then d/2 sines. A thread a frequency. Turns are counted in double
/// precision, so that a position of a million leaves an angle as exact as a small one.
/// </summary>
internal struct RopeAngles : IDeviceKernel
{
    private const float FullTurn = 6.2831853071795865f;

    public ArrayView<int> Positions;

    /// <summary>[d/2] θ/2π: full turns for each position.</summary>
    public ArrayView<double> Turns;

    /// <summary>What cosines and sines are multiplied by.</summary>
    public float Factor;

    /// <summary>[rows, d].</summary>
    public ArrayView<float> Angles;

    /// <inheritdoc/>
    public readonly void Run()
    {
        int half = (int)Turns.Length, index = Threads.Index;
        if (index >= Positions.Length * half)
            return;
        int row = index / half, f = index % half;
        double turns = Positions[row] * Turns[f];
        float angle = (float)(turns - Math.Floor(turns + 0.5)) * FullTurn;
        long at = (long)row * 2 * half + f;
        Angles[at] = Factor * IntrinsicMath.CPUOnly.Cos(angle);
        Angles[at + half] = Factor * IntrinsicMath.CPUOnly.Sin(angle);
    }
}
