using System.Runtime.CompilerServices;
using MoA.Engine.Numerics;
using MoA.Engine.Parallelism;

namespace MoA.Engine.Kernels.Gradients;

/// <summary>
/// Gradient of y = silu(z)·u: z := dy·u·σ(z)·(1 + z·(1 − σ(z))), u := dy·z·σ(z), element by element in place.
/// </summary>
internal readonly unsafe struct SwiGluGradient<TSimd, TVector> : IParallelJob
    where TSimd : ISimd<TVector>
    where TVector : struct
{
    private const int ElementsPerItem = 16384;

    private readonly float* _gate;
    private readonly float* _up;
    private readonly float* _dy;
    private readonly long _count;

    /// <summary>Describes the gradient of <paramref name="count"/> elements.</summary>
    public SwiGluGradient(float* gate, float* up, float* dy, long count)
    {
        _gate = gate;
        _up = up;
        _dy = dy;
        _count = count;
    }

    /// <summary>Number of items.</summary>
    public int Items => (int)((_count + ElementsPerItem - 1) / ElementsPerItem);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(int index, int worker)
    {
        nint i = (nint)index * ElementsPerItem;
        nint last = (nint)Math.Min(i + ElementsPerItem, _count);
        for (; i <= last - TSimd.Width; i += TSimd.Width)
            At<TSimd, TVector>(_gate + i, _up + i, _dy + i);
        for (; i < last; i++)
            At<SimdScalar, float>(_gate + i, _up + i, _dy + i);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void At<TAnySimd, TAnyVector>(float* gate, float* up, float* dy)
        where TAnySimd : ISimd<TAnyVector>
        where TAnyVector : struct
    {
        TAnyVector one = TAnySimd.Broadcast(1f);
        TAnyVector z = TAnySimd.Load(gate), d = TAnySimd.Load(dy);
        TAnyVector sigmoid = SimdMath<TAnySimd, TAnyVector>.Sigmoid(z);
        TAnyVector slope = TAnySimd.Multiply(
            sigmoid, TAnySimd.MultiplyAdd(z, TAnySimd.Subtract(one, sigmoid), one));
        TAnySimd.Store(gate, TAnySimd.Multiply(TAnySimd.Multiply(d, TAnySimd.Load(up)), slope));
        TAnySimd.Store(up, TAnySimd.Multiply(TAnySimd.Multiply(d, z), sigmoid));
    }
}
