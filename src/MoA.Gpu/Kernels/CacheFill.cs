using ILGPU;
using MoA.Gpu.Caches;

namespace MoA.Gpu.Kernels;

/// <summary>
/// Fills the first rows of heads with random numbers: uniform, mean 0, standard deviation 1. A thread sixteen numbers.
/// </summary>
internal struct CacheFill<TFormat> : IDeviceKernel
    where TFormat : struct, ICacheFormat
{
    public CacheMemory Memory;

    public CacheBlock Block;

    /// <summary>Tokens written; no more than the block holds are.</summary>
    public int Length;

    public ulong Seed;

    /// <summary>Rows that are written.</summary>
    public readonly int Rows => Math.Min(Length, Block.Rows);

    /// <summary>Threads of a launch.</summary>
    public readonly long Threads => 2L * Rows * (Memory.HeadSize / 16);

    /// <inheritdoc/>
    public readonly void Run()
    {
        long all = Threads, index = Math.Min(Kernels.Threads.Index, all - 1);
        int shares = Memory.HeadSize / 16;
        ulong place = Seed + 16 * (ulong)index;
        Sixteen numbers = new() { A = RandomBits.Octet(place), B = RandomBits.Octet(place + 8) };
        long row = index / shares;
        TFormat.Write(
            Memory, Block, (int)(row % 2), (int)(row / 2), (int)(index % shares), numbers, Kernels.Threads.Index < all);
    }
}
