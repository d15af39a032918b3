namespace MoA.Gpu.Caches;

/// <summary>A head's rows on their way from one block into a larger one.</summary>
internal struct BlockMove
{
    public CacheBlock From;

    public CacheBlock To;

    /// <summary>The oldest position held besides the sink.</summary>
    public int Oldest;
}
