using MoA.Engine.Attention;

namespace MoA.Gpu.Caches;

/// <summary>A KV head of a sequence that decodes: what stays as it is from token to token.</summary>
internal struct DecodeHead
{
    /// <summary>Where the rows stand.</summary>
    public CacheBlock Block;

    /// <summary>The sequence, of those that decode.</summary>
    public int Sequence;

    /// <summary>KV head.</summary>
    public int Head;

    /// <summary>The largest visible ring of the group's query heads.</summary>
    public int VisibleRing;

    /// <summary>Where the visible rings of the group's query heads stand in the list of the layer's.</summary>
    public int Rings;

    /// <summary>The model's own window; int.MaxValue if none.</summary>
    public int Window;

    /// <summary>Positions besides the sink that were evicted before the ring grew.</summary>
    public int LostBefore;

    /// <summary>Its pieces stand together.</summary>
    public int FirstPiece;
}

/// <summary>A sequence's next token.</summary>
internal struct DecodeSequence
{
    /// <summary>Its row in the batch.</summary>
    public int Row;

    /// <summary>Its position; its own row is stored.</summary>
    public int Position;
}

/// <summary>
/// One KV head of a sequence whose next token attends to it: rows of the sink and then of the ring, in order of position,
/// those left out that no head of the group sees.
/// </summary>
internal struct DecodeItem
{
    /// <summary>Most rows of a piece.</summary>
    public const int RowsPerPiece = 128;

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

    /// <summary>Where the visible rings of the group's query heads stand in the list of the layer's.</summary>
    public int Rings;

    public int FirstInSink, SinkRows, Oldest;

    /// <summary>Its pieces stand together.</summary>
    public int FirstPiece;

    /// <summary>All rows to attend to.</summary>
    public readonly int Rows => SinkRows + Position + 1 - Oldest;

    /// <summary>The pieces that have rows.</summary>
    public readonly int Pieces => (Rows + RowsPerPiece - 1) / RowsPerPiece;

    /// <summary>Describes the rows, as the engine's <c>HeldRows</c> does.</summary>
    public static DecodeItem Of(DecodeHead head, DecodeSequence sequence)
    {
        int length = sequence.Position + 1, sinkEnd = Math.Min(length, ElasticRule.SinkTokens);
        int inWindow = (int)Math.Max(0, (long)length - head.Window);
        int first = Math.Min(inWindow, sinkEnd);
        int inRing = length - Math.Min(head.VisibleRing, head.Block.RingRows);
        int oldest = Math.Max(Math.Max(sinkEnd, head.LostBefore), Math.Max(inWindow, inRing));
        return new DecodeItem
        {
            Block = head.Block,
            Row = sequence.Row,
            Head = head.Head,
            Position = sequence.Position,
            Window = head.Window,
            Rings = head.Rings,
            FirstInSink = first,
            SinkRows = sinkEnd - first,
            Oldest = Math.Min(length, oldest),
            FirstPiece = head.FirstPiece,
        };
    }
}

/// <summary>Some rows of an item, <see cref="DecodeItem.RowsPerPiece"/> at most: one warp's work.</summary>
internal struct DecodePiece
{
    /// <summary>The item, of the layer's.</summary>
    public int Item;

    /// <summary>The first row, of the item's; it may not have so many yet.</summary>
    public int First;
}
