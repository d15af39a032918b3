using MoA.Engine.Parallelism;

namespace MoA.Engine.Kernels;

/// <summary>Copies bytes, a huge page an item: each of those is cleared and filled by one thread.</summary>
internal readonly unsafe struct ByteCopy(void* from, void* to, long bytes) : IParallelJob
{
    private const long ItemBytes = 2 << 20;

    /// <summary>Number of items.</summary>
    public int Items => (int)((bytes + ItemBytes - 1) / ItemBytes);

    /// <inheritdoc/>
    public void Run(int index, int worker)
    {
        long start = index * ItemBytes, count = Math.Min(ItemBytes, bytes - start);
        Buffer.MemoryCopy((byte*)from + start, (byte*)to + start, count, count);
    }
}
