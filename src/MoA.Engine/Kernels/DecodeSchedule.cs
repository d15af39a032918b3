namespace MoA.Engine.Kernels;

/// <summary>
/// One layer's decode attention, cut into pieces of about equal size, so that threads share also the rows of a single
/// long head. Rows of one sequence's step see those before them: pieces that may depend on each other are one task, as are
/// those of equal places, whose rows are then read from memory once. How an item is cut depends on nothing but its own
/// rows: a sequence's results depend neither on the number of threads nor on its neighbours in the batch. Reused without
/// allocating once its arrays have grown to size.
/// </summary>
internal sealed class DecodeSchedule
{
    /// <summary>Most rows of a piece.</summary>
    public const int RowsPerPiece = 512;

    private const int Granularity = 64;

    private DecodePiece[] _pieces = new DecodePiece[64];
    private DecodeTask[] _tasks = new DecodeTask[64];
    private int[] _unfinished = new int[64];

    /// <summary>The pieces; those of one item stand together.</summary>
    public ReadOnlySpan<DecodePiece> Pieces => _pieces.AsSpan(0, Count);

    public int Count { get; private set; }

    /// <summary>What workers share.</summary>
    public ReadOnlySpan<DecodeTask> Tasks => _tasks.AsSpan(0, TaskCount);

    public int TaskCount { get; private set; }

    /// <summary>Cuts the decode items of a batch for one layer.</summary>
    public void Prepare(AttentionWork work, int layer)
    {
        Count = TaskCount = 0;
        if (_unfinished.Length < work.DecodeCount)
            _unfinished = new int[work.DecodeItems.Length];
        for (int item = 0; item < work.DecodeCount;)
        {
            AttentionItem head = work.DecodeItems[item];
            AttentionSegment segment = work.Segments[head.Segment];
            int first = Count, firstSize = 0;
            // Pieces of equal places can go side by side with others if drafted rows stand in last pieces only and replace none.
            bool alike = !segment.Cache.Head(layer, head.KeyValueHead).Replaces(segment.Cache.Length + segment.Rows - 1);
            for (int row = 0; row < segment.Rows; row++, item++)
            {
                HeldRows rows = new(segment, work.DecodeItems[item], layer, work.QueryHeads / work.KeyValueHeads);
                int size = Cut(item, rows.Count);
                int others = _pieces[Count - 1].FirstRow;
                firstSize = row == 0 ? size : firstSize;
                alike &= size == firstSize && (others == 0 || rows.Position(others - 1) < segment.Cache.Length);
            }

            int pieces = _unfinished[item - 1];
            if (segment.Rows == 1 || (alike && Count - first == pieces * segment.Rows))
            {
                for (int piece = 0; piece < pieces; piece++)
                    Append(new DecodeTask(first + piece, pieces, segment.Rows));
            }
            else
            {
                Append(new DecodeTask(first, 1, Count - first));
            }
        }
    }

    /// <summary>Says that a piece is done. True for the last one of its item, whichever that happens to be.</summary>
    public bool Finish(in DecodePiece piece) => Interlocked.Decrement(ref _unfinished[piece.Item]) == 0;

    // Returns the rows of each piece but the last.
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
        _unfinished[item] = pieces;
        return size;
    }

    private void Append(DecodeTask task)
    {
        if (TaskCount == _tasks.Length)
            Array.Resize(ref _tasks, 2 * TaskCount);
        _tasks[TaskCount++] = task;
    }
}
