using System.Runtime.CompilerServices;
using MoA.Engine.Numerics;
using MoA.Engine.Parallelism;

namespace MoA.Engine.Kernels;

/// <summary>gate := silu(gate)·up element by element, silu(z) = z/(1 + e^-z).</summary>
internal readonly unsafe struct SwiGlu<TSimd, TVector> : IParallelJob
    where TSimd : ISimd<TVector>
    where TVector : struct
{
    private const int ElementsPerItem = 16384;

    private readonly float* _gate;
    private readonly float* _up;
    private readonly long _count;

    /// <summary>Describes the product of <paramref name="count"/> elements; the result replaces the gate.</summary>
    public SwiGlu(float* gate, float* up, long count)
    {
        _gate = gate;
        _up = up;
        _count = count;
    }

    /// <summary>Number of items.</summary>
    public int Items => (int)((_count + ElementsPerItem - 1) / ElementsPerItem);

    /// <inheritdoc/>
    [MethodImpl(JitOptions.Loop)]
    public void Run(int index, int worker)
    {
        nint i = (nint)index * ElementsPerItem;
        nint last = (nint)Math.Min(i + ElementsPerItem, _count);
        for (; i <= last - TSimd.Width; i += TSimd.Width)
        {
            TVector z = TSimd.Load(_gate + i);
            TVector silu = TSimd.Multiply(z, SimdMath<TSimd, TVector>.Sigmoid(z));
            TSimd.Store(_gate + i, TSimd.Multiply(silu, TSimd.Load(_up + i)));
        }

        for (; i < last; i++)
            _gate[i] *= SimdMath<SimdScalar, float>.Sigmoid(_gate[i]) * _up[i];
    }
}
