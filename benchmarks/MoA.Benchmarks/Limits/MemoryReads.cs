using System.Runtime.CompilerServices;
using MoA.Engine.Numerics;
using MoA.Engine.Parallelism;

namespace MoA.Benchmarks.Limits;

/// <summary>The read bandwidth: pieces of a large buffer, each added up with eight vectors at a time.</summary>
internal readonly unsafe struct MemoryReads<TSimd, TVector>(float* data, float* sums) : IParallelJob
    where TSimd : ISimd<TVector>
    where TVector : struct
{
    /// <summary>Elements of an item.</summary>
    public const int ElementsPerItem = 1 << 18;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(int index, int worker)
    {
        float* at = data + (nint)index * ElementsPerItem;
        float* end = at + ElementsPerItem;
        TVector s0 = TSimd.Zero, s1 = TSimd.Zero, s2 = TSimd.Zero, s3 = TSimd.Zero;
        TVector s4 = TSimd.Zero, s5 = TSimd.Zero, s6 = TSimd.Zero, s7 = TSimd.Zero;
        for (; at < end; at += 8 * TSimd.Width)
        {
            s0 = TSimd.Add(s0, TSimd.Load(at));
            s1 = TSimd.Add(s1, TSimd.Load(at + TSimd.Width));
            s2 = TSimd.Add(s2, TSimd.Load(at + 2 * TSimd.Width));
            s3 = TSimd.Add(s3, TSimd.Load(at + 3 * TSimd.Width));
            s4 = TSimd.Add(s4, TSimd.Load(at + 4 * TSimd.Width));
            s5 = TSimd.Add(s5, TSimd.Load(at + 5 * TSimd.Width));
            s6 = TSimd.Add(s6, TSimd.Load(at + 6 * TSimd.Width));
            s7 = TSimd.Add(s7, TSimd.Load(at + 7 * TSimd.Width));
        }

        TVector low = TSimd.Add(TSimd.Add(s0, s1), TSimd.Add(s2, s3));
        TVector high = TSimd.Add(TSimd.Add(s4, s5), TSimd.Add(s6, s7));
        sums[index] = TSimd.SumLanes(TSimd.Add(low, high)); // used, so that nothing above can be left out
    }
}
