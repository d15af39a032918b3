using System.Runtime.CompilerServices;
using MoA.Engine.Numerics;
using MoA.Engine.Parallelism;

namespace MoA.Engine.Kernels;

/// <summary>What becomes of single numbers.</summary>
/// <typeparam name="TVector">Vectors of them.</typeparam>
internal interface IElementOperation<TVector>
    where TVector : struct
{
    /// <summary>The new y.</summary>
    TVector Of(TVector x, TVector y);
}

/// <summary>y := what an operation makes of x and y, element by element; x may be y.</summary>
internal readonly unsafe struct ElementJob<TSimd, TVector, TOperation>(TOperation operation, float* x, float* y, long count) : IParallelJob
    where TSimd : ISimd<TVector>
    where TVector : struct
    where TOperation : struct, IElementOperation<TVector>
{
    private const int ElementsPerItem = 16384;

    /// <summary>Number of items.</summary>
    public int Items => (int)((count + ElementsPerItem - 1) / ElementsPerItem);

    /// <inheritdoc/>
    [MethodImpl(JitOptions.Loop)]
    public void Run(int index, int worker)
    {
        nint i = (nint)index * ElementsPerItem;
        nint last = (nint)Math.Min(i + ElementsPerItem, count);
        for (; i <= last - TSimd.Width; i += TSimd.Width)
            TSimd.Store(y + i, operation.Of(TSimd.Load(x + i), TSimd.Load(y + i)));

        // The last numbers go through a vector too: no row's result depends on how many rows there are.
        long bytes = (last - i) * sizeof(float);
        float* rest = stackalloc float[2 * 16];
        new Span<float>(rest, 2 * 16).Clear();
        Buffer.MemoryCopy(x + i, rest, bytes, bytes);
        Buffer.MemoryCopy(y + i, rest + 16, bytes, bytes);
        TSimd.Store(rest, operation.Of(TSimd.Load(rest), TSimd.Load(rest + 16)));
        Buffer.MemoryCopy(rest, y + i, bytes, bytes);
    }
}

/// <summary>factor·x.</summary>
internal readonly struct Scaled<TSimd, TVector>(float factor) : IElementOperation<TVector>
    where TSimd : ISimd<TVector>
    where TVector : struct
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public TVector Of(TVector x, TVector y) => TSimd.Multiply(TSimd.Broadcast(factor), x);
}

/// <summary>y + factor·x.</summary>
internal readonly struct ScaledSum<TSimd, TVector>(float factor) : IElementOperation<TVector>
    where TSimd : ISimd<TVector>
    where TVector : struct
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public TVector Of(TVector x, TVector y) => TSimd.MultiplyAdd(TSimd.Broadcast(factor), x, y);
}

/// <summary>c·tanh(x/c).</summary>
internal readonly struct SoftCapped<TSimd, TVector>(float cap) : IElementOperation<TVector>
    where TSimd : ISimd<TVector>
    where TVector : struct
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public TVector Of(TVector x, TVector y) =>
        TSimd.Multiply(TSimd.Broadcast(cap), SimdMath<TSimd, TVector>.Tanh(TSimd.Multiply(TSimd.Broadcast(1 / cap), x)));
}
