namespace MoA.Gpu.Caches;

/// <summary>A row of the batch to store: whose token it is, and where that stands.</summary>
internal struct NewRow
{
    /// <summary>The sequence, counted within the batch.</summary>
    public int Segment;

    /// <summary>The row of the batch.</summary>
    public int Row;

    /// <summary>The token's position.</summary>
    public int Position;

    /// <summary>The position after the sequence's last row in this batch: of a long piece only what will stay is written.</summary>
    public int End;
}
