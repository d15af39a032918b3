using MoA.Engine.Attention;

namespace MoA.Gpu.Caches;

/// <summary>
/// Where the rows of one KV head stand in the caches' memory: one contiguous block, keys then values, in both the sink's rows
/// and then a ring, as in the engine's <c>HeadCache</c>; of Q8_0 the scales of all keys and of all values follow. As many
/// bytes as on the processor, rounded up to quads.
/// </summary>
internal struct CacheBlock
{
    /// <summary>The first quad.</summary>
    public long Start;

    /// <summary>Rows besides the sink's.</summary>
    public int RingRows;

    /// <summary>The sink's rows: 64, or none in layers whose window is all that is held.</summary>
    public int SinkRows;

    /// <summary>A block that begins at a quad.</summary>
    public static CacheBlock At(long start, HeadLayout layout) => new() { Start = start, RingRows = layout.RingRows, SinkRows = layout.SinkRows };

    /// <summary>All rows.</summary>
    public readonly int Rows => SinkRows + RingRows;

    /// <summary>The row of a token position.</summary>
    public readonly int Slot(int position) =>
        position < SinkRows ? position : SinkRows + (int)((uint)(position - SinkRows) % (uint)RingRows);
}
