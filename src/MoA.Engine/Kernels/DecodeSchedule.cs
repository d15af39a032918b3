namespace MoA.Engine.Kernels;

/// <summary>
/// One layer's decode attention, cut into pieces of about equal size, so that threads share also the rows of a single
/// long head. How an item is cut depends on nothing but its own rows: a sequence's results depend neither on the number
/// of threads nor on its neighbours in the batch. Reused without allocating once its arrays have grown to size.
/// </summary>
internal sealed class DecodeSchedule
{
    /// <summary>Most rows of a piece.</summary>
    public const int RowsPerPiece = 512;

    private const int Granularity = 64;

    private DecodePiece[] _pieces = new DecodePiece[64];
    private int[] _unfinished = new int[64];

    /// <summary>The pieces; those of one item stand together.</summary>
    public ReadOnlySpan<DecodePiece> Pieces => _pieces.AsSpan(0, Count);

    public int Count { get; private set; }

    /// <summary>Cuts the decode items of a batch for one layer.</summary>
    public void Prepare(AttentionWork work, int layer)
    {
        Count = 0;
        if (_unfinished.Length < work.DecodeCount)
            _unfinished = new int[work.DecodeItems.Length];
        for (int item = 0; item < work.DecodeCount; item++)
        {
            AttentionItem head = work.DecodeItems[item];
            HeldRows rows = new(work.Segments[head.Segment], layer, head.KeyValueHead, work.QueryHeads / work.KeyValueHeads);
            _unfinished[item] = Cut(item, rows.Count);
        }
    }

    /// <summary>Says that a piece is done. True for the last one of its item, whichever that happens to be.</summary>
    public bool Finish(in DecodePiece piece) => Interlocked.Decrement(ref _unfinished[piece.Item]) == 0;

    private int Cut(int item, int rows)
    {
        int pieces = (rows + RowsPerPiece - 1) / RowsPerPiece;
        int size = ((rows + pieces - 1) / pieces + Granularity - 1) / Granularity * Granularity;
        pieces = (rows + size - 1) / size;
        while (_pieces.Length < Count + pieces)
            Array.Resize(ref _pieces, 2 * _pieces.Length);
        int first = Count;
        for (int row = 0; row < rows; row += size)
            _pieces[Count++] = new DecodePiece(item, row, Math.Min(size, rows - row), first, pieces);
        return pieces;
    }
}
