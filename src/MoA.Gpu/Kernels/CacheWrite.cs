using ILGPU;
using MoA.Engine.Attention;
using MoA.Gpu.Caches;

namespace MoA.Gpu.Kernels;

/// <summary>
/// Stores new keys and values in their slots. Of a long piece of a prompt only the rows that will stay are written: the sink
/// and the last ring's worth. A thread sixteen numbers.
/// </summary>
internal struct CacheWrite<TFormat> : IDeviceKernel
    where TFormat : struct, ICacheFormat
{
    public CacheMemory Memory;

    /// <summary>[segments, KV heads].</summary>
    public ArrayView<CacheBlock> Blocks;

    /// <summary>One for each row of the batch.</summary>
    public ArrayView<NewRow> Rows;

    /// <summary>[rows, KV heads·d] floats.</summary>
    public ArrayView<Quad> Keys;

    /// <summary>[rows, KV heads·d] floats.</summary>
    public ArrayView<Quad> Values;

    public int Heads;

    /// <summary>Threads of a launch.</summary>
    public readonly long Threads => 2 * Rows.Length * Heads * (Memory.HeadSize / 16);

    /// <inheritdoc/>
    public readonly void Run()
    {
        // Lanes share scales: what is past the end works on the last row and stores nothing.
        long all = Threads, index = Math.Min(Kernels.Threads.Index, all - 1);
        int shares = Memory.HeadSize / 16, lane = (int)(index % shares);
        long head = index / shares;
        int values = head < all / shares / 2 ? 0 : 1;
        head -= values * (all / shares / 2);
        NewRow row = Rows[head / Heads];
        CacheBlock block = Blocks[row.Segment * Heads + head % Heads];
        long first = head * (Memory.HeadSize / 4);
        int a = 2 * TFormat.First(lane), b = 2 * TFormat.Second(lane, Memory.HeadSize);
        Sixteen numbers = values == 0
            ? new Sixteen { A = Octet.Load(Keys, first + a), B = Octet.Load(Keys, first + b) }
            : new Sixteen { A = Octet.Load(Values, first + a), B = Octet.Load(Values, first + b) };
        bool stays = row.Position < ElasticRule.SinkTokens || row.Position >= row.End - block.RingRows;
        int slot = CacheMemory.Slot(row.Position, block.RingRows);
        TFormat.Write(Memory, block, values, slot, lane, numbers, stays && Kernels.Threads.Index < all);
    }
}
