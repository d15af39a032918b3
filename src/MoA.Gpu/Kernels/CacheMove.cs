using ILGPU;
using MoA.Engine.Attention;
using MoA.Gpu.Caches;

namespace MoA.Gpu.Kernels;

/// <summary>Moves the rows of heads into blocks with larger rings. A thread sixteen numbers of a position's key or value.</summary>
internal struct CacheMove<TFormat> : IDeviceKernel
    where TFormat : struct, ICacheFormat
{
    public CacheMemory Memory;

    public ArrayView<BlockMove> Moves;

    /// <summary>Positions: all that were written. Those no longer held are passed over.</summary>
    public int First, Count;

    /// <summary>Threads of a launch.</summary>
    public readonly long Threads => 2L * Moves.Length * Count * (Memory.HeadSize / 16);

    /// <inheritdoc/>
    public readonly void Run()
    {
        // Lanes share scales: what is past the end works on the last row and stores nothing.
        long all = Threads, index = Math.Min(Kernels.Threads.Index, all - 1);
        int shares = Memory.HeadSize / 16, lane = (int)(index % shares);
        long row = index / shares;
        int values = (int)(row % 2), position = First + (int)(row / 2 % Count);
        BlockMove move = Moves[row / 2 / Count];
        bool held = position < ElasticRule.SinkTokens ? position >= move.OldestInSink : position >= move.Oldest;
        Sixteen numbers = TFormat.Read(Memory, move.From, values, move.From.Slot(position), lane);
        TFormat.Write(
            Memory, move.To, values, move.To.Slot(position), lane, numbers, held && Kernels.Threads.Index < all);
    }
}
