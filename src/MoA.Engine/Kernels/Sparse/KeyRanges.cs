using MoA.Engine.Attention;
using MoA.Engine.Attention.Prefill;

namespace MoA.Engine.Kernels.Sparse;

/// <summary>
/// The keys that one query head's rows of a piece of a prompt see: for each block of 64 positions, ranges in ascending order. Reused from
/// piece to piece.
/// </summary>
internal sealed class KeyRanges
{
    private const int Block = ElasticRule.BlockSize;

    private KeyRange[] _ranges = new KeyRange[64];
    private int[] _ends = new int[8];
    private int _count;
    private int _first;
    private int _start;
    private int _end;

    /// <summary>What of the keys may be seen at all.</summary>
    public KeyView View { get; private set; }

    /// <summary>The first block with rows of the piece.</summary>
    public int FirstBlock { get; private set; }

    /// <summary>Blocks that are complete.</summary>
    public int Blocks { get; private set; }

    /// <summary>What each row sees within the ranges besides being causal; null for all.</summary>
    public StreamPattern? Stream { get; private set; }

    /// <summary>The position from which rows see all of the ranges whatever <see cref="Stream"/> says.</summary>
    public int TailStart { get; private set; }

    /// <summary>Pairs of a row and a key that are seen.</summary>
    public long Pairs { get; private set; }

    /// <summary>Pairs that would be seen if nothing were chosen.</summary>
    public long AllPairs { get; private set; }

    /// <summary>Position of the first row of the block that comes next, and behind its last.</summary>
    public (int First, int End) Rows => RowsOf(FirstBlock + Blocks);

    /// <summary>Starts over.</summary>
    /// <param name="start">Position of the piece's first row.</param>
    /// <param name="rows">Its rows.</param>
    /// <param name="view">What may be seen at all.</param>
    /// <param name="stream">What rows see within the ranges; null for all.</param>
    /// <param name="tailStart">The position from which they see all.</param>
    public void Begin(int start, int rows, KeyView view, StreamPattern? stream = null, int tailStart = int.MaxValue)
    {
        (_start, _end, View, Stream, TailStart) = (start, start + rows, view, stream, tailStart);
        FirstBlock = start / Block;
        Blocks = _count = _first = 0;
        Pairs = AllPairs = 0;
    }

    /// <summary>Adds keys of the block that comes next, behind those that were added or overlapping them.</summary>
    public void Add(int first, int end)
    {
        (int row, int last) = Rows;
        end = Math.Min(end, last);
        if (View.IsWhole(row))
        {
            Append(first, end);
            return;
        }

        Append(Math.Max(first, View.OldestInSink), Math.Min(end, View.Sink));
        Append(Math.Max(first, View.RingStart(row)), end);
    }

    /// <summary>Adds all keys up to the block that comes next.</summary>
    public void AddAll() => Add(0, Rows.End);

    /// <summary>
    /// Completes the block that comes next. Where a policy hides keys, or none were added, its own keys are added in any case: every row must see one.
    /// </summary>
    public void EndBlock()
    {
        int block = FirstBlock + Blocks;
        (int first, int end) = RowsOf(block);
        bool isWhole = View.IsWhole(end - 1);
        if (_count == _first || !isWhole)
        {
            int own = Math.Max(block * Block, first < View.Sink ? View.OldestInSink : View.RingStart(first));
            while (_count > _first && _ranges[_count - 1].First >= own)
                _count--;
            Append(own, end);
        }

        for (int i = _first; i < _count; i++)
            Pairs += Stream is null && isWhole ? PairsOf(_ranges[i], first, end) : SeenPairsOf(_ranges[i], first, end, Stream);
        AllPairs += isWhole ? PairsOf(new KeyRange(0, end), first, end) : SeenPairsOf(new KeyRange(View.OldestInSink, end), first, end, null);
        if (Blocks == _ends.Length)
            Array.Resize(ref _ends, 2 * Blocks);
        _ends[Blocks++] = _first = _count;
    }

    /// <summary>The keys of a block that is complete, counted from the first.</summary>
    public ReadOnlySpan<KeyRange> Of(int index)
    {
        int first = index == 0 ? 0 : _ends[index - 1];
        return _ranges.AsSpan(first, _ends[index] - first);
    }

    /// <summary>Rows of a block that is complete, and how many keys its ranges have.</summary>
    public (int Rows, int Keys) SizeOf(int index)
    {
        int keys = 0;
        foreach (KeyRange range in Of(index))
            keys += range.End - range.First;
        (int first, int end) = RowsOf(FirstBlock + index);
        return (end - first, keys);
    }

    /// <summary>Position of a block's first row, and behind its last.</summary>
    public (int First, int End) RowsOf(int block) => (Math.Max(_start, block * Block), Math.Min(_end, (block + 1) * Block));

    private void Append(int first, int end)
    {
        if (_count > _first && first <= _ranges[_count - 1].End)
        {
            if (end > _ranges[_count - 1].End)
                _ranges[_count - 1] = new KeyRange(_ranges[_count - 1].First, end);
            return;
        }

        if (first >= end)
            return;
        if (_count == _ranges.Length)
            Array.Resize(ref _ranges, 2 * _count);
        _ranges[_count++] = new KeyRange(first, end);
    }

    private static long PairsOf(KeyRange range, int first, int end)
    {
        if (range.First >= range.End)
            return 0;
        if (range.End <= first + 1)
            return (long)(end - first) * (range.End - range.First);
        long pairs = 0;
        for (int row = first; row < end; row++)
            pairs += Math.Max(0, Math.Min(range.End, row + 1) - range.First);
        return pairs;
    }

    // Row by row: of the sink's and of the others.
    private long SeenPairsOf(KeyRange range, int first, int end, StreamPattern? stream)
    {
        long pairs = 0;
        for (int row = first; row < end; row++)
        {
            int last = Math.Min(range.End, row + 1), ring = View.RingStart(row);
            int local = stream is null || row >= TailStart ? 0 : row - stream.Local + 1, initial = stream?.Initial ?? 0;
            pairs += Within(range.First, Math.Min(last, View.Sink), local, initial) + Within(Math.Max(range.First, ring), last, local, initial);
        }

        return pairs;

        // Keys that are in the window, or among the first.
        static int Within(int from, int to, int local, int initial) =>
            Math.Max(0, to - Math.Max(from, Math.Max(local, initial))) + Math.Max(0, Math.Min(to, initial) - from);
    }
}
