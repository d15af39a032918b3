using MoA.Engine.Attention;

namespace MoA.Gpu.Caches;

/// <summary>
/// One KV head of a sequence whose next token attends to it: rows of the sink and then of the ring, in order of position,
/// those left out that no head of the group sees.
/// </summary>
internal struct DecodeItem
{
    /// <summary>Where the rows stand.</summary>
    public CacheBlock Block;

    /// <summary>The token's row in the batch.</summary>
    public int Row;

    /// <summary>KV head.</summary>
    public int Head;

    /// <summary>The token's position; its own row is stored.</summary>
    public int Position;

    /// <summary>The model's own window.</summary>
    public int Window;

    /// <summary>Where the visible rings of the group's query heads stand in the list of all.</summary>
    public int Rings;

    public int FirstInSink, SinkRows, Oldest;

    /// <summary>Its pieces stand together.</summary>
    public int FirstPiece, Pieces;

    /// <summary>All rows to attend to.</summary>
    public readonly int Rows => SinkRows + Position + 1 - Oldest;

    /// <summary>Describes the rows, as the engine's <c>HeldRows</c> does.</summary>
    /// <param name="block">Where they stand.</param>
    /// <param name="position">The token's position.</param>
    /// <param name="visibleRing">The largest of the group's.</param>
    /// <param name="window">The model's own window; int.MaxValue if none.</param>
    /// <param name="lostBefore">Positions besides the sink that were evicted before the ring grew.</param>
    public static DecodeItem Of(CacheBlock block, int position, int visibleRing, int window, int lostBefore = 0)
    {
        int length = position + 1, sinkEnd = Math.Min(length, ElasticRule.SinkTokens);
        int inWindow = (int)Math.Max(0, (long)length - window);
        int first = Math.Min(inWindow, sinkEnd);
        int oldest = Math.Max(Math.Max(sinkEnd, lostBefore), Math.Max(inWindow, length - Math.Min(visibleRing, block.RingRows)));
        return new DecodeItem
        {
            Block = block,
            Position = position,
            Window = window,
            FirstInSink = first,
            SinkRows = sinkEnd - first,
            Oldest = Math.Min(length, oldest),
        };
    }
}

/// <summary>Some rows of an item: one warp's work.</summary>
internal struct DecodePiece
{
    /// <summary>Item.</summary>
    public int Item;

    /// <summary>The first row, of the item's.</summary>
    public int First;

    public int Rows;
}
