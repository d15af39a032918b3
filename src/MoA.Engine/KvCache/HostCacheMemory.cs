using System.Globalization;
using MoA.Engine.Attention;
using MoA.Engine.Numerics;

namespace MoA.Engine.KvCache;

/// <summary>Rows in the processor's memory.</summary>
internal sealed class HostCacheMemory(NativeAllocator allocator) : ICacheMemory
{
    public NativeAllocator Allocator { get; } = allocator;

    // What the machine can never hold is refused before it is written to: systems promise more memory than they have.
    public void CheckRoom(long bytes, int capacity, in RowsShape shape)
    {
        long available = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        if (bytes > available)
        {
            throw new InvalidInputException(string.Create(CultureInfo.InvariantCulture,
                $"KV caches for {capacity} tokens take {bytes / (double)(1 << 30):F1} GiB, more than the {available / (double)(1 << 30):F1} GiB " +
                $"of this machine; ask for fewer new tokens, a smaller format of the caches, or a plan that keeps less"));
        }
    }

    public long BytesOf(in RowsShape shape, ReadOnlySpan<HeadLayout> layouts)
    {
        long rows = 0;
        foreach (HeadLayout layout in layouts)
            rows += layout.Rows;
        return rows * 2 * shape.Type.RowBytes(shape.HeadSize);
    }

    public SequenceRows Create(in RowsShape shape, ReadOnlySpan<HeadLayout> layouts) => new HostRows(Allocator, shape, layouts);
}
