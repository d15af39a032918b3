using ILGPU;
using MoA.Gpu.Caches;

namespace MoA.Gpu.Kernels;

/// <summary>
/// Stores new keys and values in their slots. Of a long piece of a prompt only the rows that will stay are written: the sink
/// and the last ring's worth. A thread sixteen numbers.
/// </summary>
internal struct CacheWrite<TFormat> : IDeviceKernel
    where TFormat : struct, ICacheFormat
{
    public CacheWriteArguments Arguments;

    /// <summary>Threads of a launch.</summary>
    public readonly long Threads => 2 * Arguments.Rows.Length * Arguments.Heads * (Arguments.Memory.HeadSize / 16);

    /// <inheritdoc/>
    public readonly void Run()
    {
        // Lanes share scales: what is past the end works on the last row and stores nothing.
        long all = Threads, index = Math.Min(Kernels.Threads.Index, all - 1);
        int size = Arguments.Memory.HeadSize, shares = size / 16, lane = (int)(index % shares);
        long head = index / shares;
        int values = head < all / shares / 2 ? 0 : 1;
        head -= values * (all / shares / 2);
        NewRow row = Arguments.Rows[head / Arguments.Heads];
        head %= Arguments.Heads;
        CacheBlock block = Arguments.Blocks[row.Segment * Arguments.Heads + head];
        long first = ((long)row.Row * Arguments.Heads + head) * (size / 4);
        int a = 2 * TFormat.First(lane), b = 2 * TFormat.Second(lane, size);
        Sixteen numbers = values == 0
            ? new Sixteen { A = Octet.Load(Arguments.Keys, first + a), B = Octet.Load(Arguments.Keys, first + b) }
            : new Sixteen { A = Octet.Load(Arguments.Values, first + a), B = Octet.Load(Arguments.Values, first + b) };
        bool stays = row.Position < block.SinkRows || row.Position >= row.End - block.RingRows;
        int slot = block.Slot(row.Position);
        TFormat.Write(Arguments.Memory, block, values, slot, lane, numbers, stays && Kernels.Threads.Index < all);
    }
}
