using System.Runtime.CompilerServices;
using MoA.Engine.Numerics;
using MoA.Engine.Parallelism;

namespace MoA.Benchmarks.Limits;

/// <summary>
/// The arithmetic peak: twelve independent chains of x := x·½ + 1, which stay in registers and are more than two units of
/// a latency of four or five cycles can work on at once.
/// </summary>
internal readonly unsafe struct MultiplyAddChains<TSimd, TVector>(float* sums) : IParallelJob
    where TSimd : ISimd<TVector>
    where TVector : struct
{
    private const int Iterations = 10_000;

    /// <summary>Floating-point operations of an item: two for each lane of a multiply-add.</summary>
    public static double FlopsPerItem => 2.0 * 12 * Iterations * TSimd.Width;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(int index, int worker)
    {
        TVector half = TSimd.Broadcast(0.5f), one = TSimd.Broadcast(1f);
        TVector x0 = one, x1 = one, x2 = one, x3 = one, x4 = one, x5 = one;
        TVector x6 = one, x7 = one, x8 = one, x9 = one, x10 = one, x11 = one;
        for (int i = 0; i < Iterations; i++)
        {
            x0 = TSimd.MultiplyAdd(x0, half, one);
            x1 = TSimd.MultiplyAdd(x1, half, one);
            x2 = TSimd.MultiplyAdd(x2, half, one);
            x3 = TSimd.MultiplyAdd(x3, half, one);
            x4 = TSimd.MultiplyAdd(x4, half, one);
            x5 = TSimd.MultiplyAdd(x5, half, one);
            x6 = TSimd.MultiplyAdd(x6, half, one);
            x7 = TSimd.MultiplyAdd(x7, half, one);
            x8 = TSimd.MultiplyAdd(x8, half, one);
            x9 = TSimd.MultiplyAdd(x9, half, one);
            x10 = TSimd.MultiplyAdd(x10, half, one);
            x11 = TSimd.MultiplyAdd(x11, half, one);
        }

        TVector low = TSimd.Add(TSimd.Add(TSimd.Add(x0, x1), TSimd.Add(x2, x3)), TSimd.Add(x4, x5));
        TVector high = TSimd.Add(TSimd.Add(TSimd.Add(x6, x7), TSimd.Add(x8, x9)), TSimd.Add(x10, x11));
        sums[index] = TSimd.SumLanes(TSimd.Add(low, high)); // used, so that nothing above can be left out
    }
}
