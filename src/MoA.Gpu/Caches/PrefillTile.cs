namespace MoA.Gpu.Caches;

/// <summary>Neighbouring rows of a prompt within one block of 64 positions.</summary>
internal struct PrefillTile
{
    /// <summary>The sequence, counted within the batch.</summary>
    public int Segment;

    /// <summary>The first row in the batch.</summary>
    public int Row;

    public int Rows;

    /// <summary>The first row's position.</summary>
    public int Position;
}

/// <summary>A sequence's KV head when a piece of its prompt attends.</summary>
internal struct PrefillHead
{
    /// <summary>Rows of the tokens before the piece.</summary>
    public CacheBlock Block;

    /// <summary>Tokens before the piece.</summary>
    public int Length;

    /// <summary>The oldest of them that is held besides the sink.</summary>
    public int Oldest;

    /// <summary>The piece's first row in the batch.</summary>
    public int FirstRow;
}
