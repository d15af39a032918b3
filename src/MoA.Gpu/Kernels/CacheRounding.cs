using ILGPU;
using MoA.Gpu.Caches;

namespace MoA.Gpu.Kernels;

/// <summary>
/// Rounds new keys or values in place to what a cache will hold, so that results do not depend on how a prompt is cut. A
/// thread sixteen numbers.
/// </summary>
internal struct CacheRounding<TFormat> : IDeviceKernel
    where TFormat : struct, ICacheFormat
{
    /// <summary>[rows, KV heads·d] floats.</summary>
    public ArrayView<Quad> X;

    public int HeadSize;

    /// <summary>Threads of a launch.</summary>
    public readonly long Threads => X.Length / 4;

    /// <inheritdoc/>
    public readonly void Run()
    {
        long index = Math.Min(Kernels.Threads.Index, Threads - 1);
        int shares = HeadSize / 16, lane = (int)(index % shares);
        long first = index / shares * (HeadSize / 4);
        long a = first + 2 * TFormat.First(lane), b = first + 2 * TFormat.Second(lane, HeadSize);
        Sixteen rounded = TFormat.Round(new Sixteen { A = Octet.Load(X, a), B = Octet.Load(X, b) });
        if (Kernels.Threads.Index >= Threads)
            return;
        rounded.A.Store(X, a);
        rounded.B.Store(X, b);
    }
}
