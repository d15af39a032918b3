namespace MoA.Gpu.Caches;

/// <summary>
/// The decode attention of a batch, cut into pieces of about equal size, so that heads of unequal length keep all of the
/// device busy. How an item is cut depends on nothing but its own rows: results do not depend on what else is in the batch.
/// Reused without allocating once its arrays have grown to size.
/// </summary>
internal sealed class DecodeWorkList
{
    /// <summary>Most rows of a piece.</summary>
    public const int RowsPerPiece = 128;

    private DecodeItem[] _items = new DecodeItem[64];
    private DecodePiece[] _pieces = new DecodePiece[64];
    private int _itemCount, _pieceCount;

    public ReadOnlySpan<DecodeItem> Items => _items.AsSpan(0, _itemCount);

    public ReadOnlySpan<DecodePiece> Pieces => _pieces.AsSpan(0, _pieceCount);

    /// <summary>Starts the next batch.</summary>
    public void Clear() => _itemCount = _pieceCount = 0;

    /// <summary>Adds a KV head of a sequence.</summary>
    public void Add(DecodeItem item)
    {
        int rows = item.Rows, pieces = (rows + RowsPerPiece - 1) / RowsPerPiece, size = (rows + pieces - 1) / pieces;
        item.FirstPiece = _pieceCount;
        item.Pieces = pieces;
        if (_itemCount == _items.Length)
            Array.Resize(ref _items, 2 * _itemCount);
        while (_pieceCount + pieces > _pieces.Length)
            Array.Resize(ref _pieces, 2 * _pieces.Length);
        for (int piece = 0; piece < pieces; piece++)
        {
            int first = piece * size;
            _pieces[_pieceCount++] = new DecodePiece { Item = _itemCount, First = first, Rows = Math.Min(size, rows - first) };
        }

        _items[_itemCount++] = item;
    }
}
