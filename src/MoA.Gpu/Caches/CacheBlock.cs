namespace MoA.Gpu.Caches;

/// <summary>
/// Where the rows of one KV head stand in the caches' memory: one contiguous block, keys then values, in both the sink's rows
/// and then a ring, as in the engine's <c>HeadCache</c>; of Q8_0 the scales of all keys and of all values follow. As many
/// bytes as on the processor.
/// </summary>
internal struct CacheBlock
{
    /// <summary>The first quad.</summary>
    public long Start;

    /// <summary>Rows besides the sink's.</summary>
    public int RingRows;
}
