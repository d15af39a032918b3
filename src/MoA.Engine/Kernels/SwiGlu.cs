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
            Multiply(_gate + i, _up + i);

        // The last numbers go through a vector too: no row's result depends on how many rows there are.
        long bytes = (last - i) * sizeof(float);
        float* rest = stackalloc float[2 * 16];
        new Span<float>(rest, 2 * 16).Clear();
        Buffer.MemoryCopy(_gate + i, rest, bytes, bytes);
        Buffer.MemoryCopy(_up + i, rest + 16, bytes, bytes);
        Multiply(rest, rest + 16);
        Buffer.MemoryCopy(rest, _gate + i, bytes, bytes);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Multiply(float* gate, float* up)
    {
        TVector z = TSimd.Load(gate);
        TVector silu = TSimd.Multiply(z, SimdMath<TSimd, TVector>.Sigmoid(z));
        TSimd.Store(gate, TSimd.Multiply(silu, TSimd.Load(up)));
    }
}
