namespace MoA.Gpu.Caches;

/// <summary>A head's rows on their way from one block into a larger one.</summary>
internal struct BlockMove
{
    public CacheBlock From;

    public CacheBlock To;

    /// <summary>The oldest of the sink's positions that is still held.</summary>
    public int OldestInSink;

    /// <summary>The oldest position held besides the sink's.</summary>
    public int Oldest;
}
