using ILGPU;
using MoA.Engine.Numerics;
using MoA.Gpu.Caches;
using MoA.Gpu.Device;

namespace MoA.Gpu.Kernels;

/// <summary>Chooses the kernels of a cache's format.</summary>
internal static class DeviceCaches
{
    // Launches count their threads in 32 bits.
    private const long MostThreads = 1L << 30;

    /// <summary>Quads of a block.</summary>
    public static long QuadsOf(ElementType type, int rows, int headSize) =>
        type == ElementType.BF16 ? CachedBF16.QuadsOf(rows, headSize) : CachedQ8.QuadsOf(rows, headSize);

    /// <summary>Rounds new keys or values in place.</summary>
    public static void Round(DeviceSession session, ElementType type, ArrayView<Quad> x, int headSize)
    {
        if (type == ElementType.BF16)
            Round<CachedBF16>(session, x, headSize);
        else
            Round<CachedQ8>(session, x, headSize);
    }

    /// <summary>Stores new keys and values in their slots.</summary>
    public static void Write(DeviceSession session, ElementType type, CacheWriteArguments arguments)
    {
        if (type == ElementType.BF16)
            Write<CachedBF16>(session, arguments);
        else
            Write<CachedQ8>(session, arguments);
    }

    /// <summary>Moves rows into larger blocks.</summary>
    public static void Move(
        DeviceSession session, DeviceMemory memory, ElementType type, CacheMemory caches, BlockMove[] moves, int length)
    {
        if (length == 0)
            return;
        using DeviceBuffer<BlockMove> copy = memory.Allocate<BlockMove>(moves.Length);
        copy.Write(moves);
        int most = (int)Math.Max(1, MostThreads / (2L * moves.Length * (caches.HeadSize / 16)));
        for (int first = 0; first < length; first += most)
        {
            int count = Math.Min(most, length - first);
            if (type == ElementType.BF16)
                Move<CachedBF16>(session, caches, copy.View, first, count);
            else
                Move<CachedQ8>(session, caches, copy.View, first, count);
        }

        session.Accelerator.Synchronize();
    }

    /// <summary>Fills blocks with random rows.</summary>
    public static void Fill(
        DeviceSession session, ElementType type, CacheMemory caches, ReadOnlySpan<CacheBlock> blocks, int length, ulong seed)
    {
        foreach (CacheBlock block in blocks)
        {
            if (type == ElementType.BF16)
                Fill<CachedBF16>(session, caches, block, length, seed);
            else
                Fill<CachedQ8>(session, caches, block, length, seed);
            seed = RandomBits.At(seed);
        }
    }

    private static void Round<TFormat>(DeviceSession session, ArrayView<Quad> x, int headSize)
        where TFormat : struct, ICacheFormat
    {
        CacheRounding<TFormat> kernel = new() { X = x, HeadSize = headSize };
        session.RunThreads(kernel, kernel.Threads);
    }

    private static void Write<TFormat>(DeviceSession session, CacheWriteArguments arguments)
        where TFormat : struct, ICacheFormat
    {
        CacheWrite<TFormat> kernel = new() { Arguments = arguments };
        session.RunThreads(kernel, kernel.Threads);
    }

    private static void Move<TFormat>(DeviceSession session, CacheMemory caches, ArrayView<BlockMove> moves, int first, int count)
        where TFormat : struct, ICacheFormat
    {
        CacheMove<TFormat> kernel = new() { Memory = caches, Moves = moves, First = first, Count = count };
        session.RunThreads(kernel, kernel.Threads);
    }

    private static void Fill<TFormat>(DeviceSession session, CacheMemory caches, CacheBlock block, int length, ulong seed)
        where TFormat : struct, ICacheFormat
    {
        CacheFill<TFormat> kernel = new() { Memory = caches, Block = block, Length = length, Seed = seed };
        session.RunThreads(kernel, kernel.Threads);
    }
}
