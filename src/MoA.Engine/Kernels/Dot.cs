using System.Runtime.CompilerServices;
using MoA.Engine.Numerics;

namespace MoA.Engine.Kernels;

/// <summary>The inner product of two rows of floats.</summary>
internal static unsafe class Dot
{
    /// <summary>Σ a[i]·b[i], four vector sums at a time, then the tail.</summary>
    [MethodImpl(JitOptions.Loop)]
    public static float Run<TSimd, TVector>(float* a, float* b, int count)
        where TSimd : ISimd<TVector>
        where TVector : struct
    {
        TVector s0 = TSimd.Zero, s1 = TSimd.Zero, s2 = TSimd.Zero, s3 = TSimd.Zero;
        int i = 0;
        for (; i <= count - 4 * TSimd.Width; i += 4 * TSimd.Width)
        {
            s0 = TSimd.MultiplyAdd(TSimd.Load(a + i), TSimd.Load(b + i), s0);
            s1 = TSimd.MultiplyAdd(TSimd.Load(a + i + TSimd.Width), TSimd.Load(b + i + TSimd.Width), s1);
            s2 = TSimd.MultiplyAdd(TSimd.Load(a + i + 2 * TSimd.Width), TSimd.Load(b + i + 2 * TSimd.Width), s2);
            s3 = TSimd.MultiplyAdd(TSimd.Load(a + i + 3 * TSimd.Width), TSimd.Load(b + i + 3 * TSimd.Width), s3);
        }

        for (; i <= count - TSimd.Width; i += TSimd.Width)
            s0 = TSimd.MultiplyAdd(TSimd.Load(a + i), TSimd.Load(b + i), s0);
        float sum = TSimd.SumLanes(TSimd.Add(TSimd.Add(s0, s1), TSimd.Add(s2, s3)));
        for (; i < count; i++)
            sum += a[i] * b[i];
        return sum;
    }
}
