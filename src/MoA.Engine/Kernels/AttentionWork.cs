using MoA.Engine.Configuration;
using MoA.Engine.Kernels.Sparse;
using MoA.Engine.KvCache;
using MoA.Engine.Numerics;

namespace MoA.Engine.Kernels;

/// <summary>
/// The attention of a batch, cut into independent items once and used by every layer. Reused from batch to batch without
/// allocating once its arrays have grown to size.
/// </summary>
internal sealed class AttentionWork
{
    // Rows × query heads of a prefill item: enough to make up for widening keys once an item, few enough for the second
    // cache to hold what is accumulated.
    private const int RowsPerItem = 256;

    private const int RowsPerBlock = 16;

    private readonly int _queryHeads;
    private readonly int _keyValueHeads;
    private AttentionSegment[] _segments = new AttentionSegment[8];
    private AttentionItem[] _decodeItems = new AttentionItem[64];
    private AttentionItem[] _prefillItems = new AttentionItem[64];
    private RowBlock[] _rowBlocks = new RowBlock[64];
    private int[] _prefillOrder = new int[64];
    private long[] _prefillCosts = new long[64];

    /// <summary>Work for a model's layers.</summary>
    public AttentionWork(ModelConfig config)
    {
        ArgumentNullException.ThrowIfNull(config);
        _queryHeads = config.QueryHeads;
        _keyValueHeads = config.KeyValueHeads;
        HeadSize = config.HeadSize;
        Sparse = new SparseWork(config.QueryHeads);
    }

    internal int QueryHeads => _queryHeads;

    internal int KeyValueHeads => _keyValueHeads;

    internal int HeadSize { get; }

    internal AttentionSegment[] Segments => _segments;

    internal int SegmentCount { get; private set; }

    /// <summary>Single rows; those of one head of a segment stand together, in order.</summary>
    internal AttentionItem[] DecodeItems => _decodeItems;

    internal int DecodeCount { get; private set; }

    internal AttentionItem[] PrefillItems => _prefillItems;

    internal int PrefillCount { get; private set; }

    /// <summary>Indices of the prefill items whose rows see all that they may, those with most work first; of the layer prepared last.</summary>
    internal ReadOnlySpan<int> PrefillOrder => _prefillOrder.AsSpan(0, OrderedCount);

    internal int OrderedCount { get; private set; }

    /// <summary>The rows of prompts that see what is chosen for them.</summary>
    internal SparseWork Sparse { get; }

    /// <summary>The rows of all prompt pieces, in blocks.</summary>
    internal RowBlock[] RowBlocks => _rowBlocks;

    internal int RowBlockCount { get; private set; }

    internal int Rows { get; private set; }

    /// <summary>The decode items of one layer, cut into pieces.</summary>
    internal DecodeSchedule Decode { get; } = new();

    /// <summary>Whether a sequence of the batch evicts or chooses rows by the attention that they got.</summary>
    internal bool GoesByAttention { get; private set; }

    internal void Clear()
    {
        SegmentCount = DecodeCount = PrefillCount = RowBlockCount = Rows = 0;
        GoesByAttention = false;
        Sparse.Clear();
    }

    internal void Add(SequenceCache cache, int rows, AttentionMode mode, int toCome = 0)
    {
        if (SegmentCount == _segments.Length)
            Array.Resize(ref _segments, 2 * SegmentCount);
        int segment = SegmentCount++;
        _segments[segment] = new AttentionSegment(cache, Rows, rows, mode, cache.Version, toCome);
        Rows += rows;
        GoesByAttention |= cache.GoesByAttention;
        for (int row = 0; row < rows && mode == AttentionMode.Prefill; row += RowsPerBlock)
            Append(ref _rowBlocks, RowBlockCount++, new RowBlock(segment, row, Math.Min(RowsPerBlock, rows - row)));
        if (mode == AttentionMode.Decode)
        {
            cache.ReserveAside(rows - 1);
            for (int i = 0; i < rows * _keyValueHeads; i++)
                Append(ref _decodeItems, DecodeCount++, new AttentionItem(segment, i / rows, i % rows, 1));
            return;
        }

        if (cache.Prefill is not null || Sparse.Tried is not null)
            Sparse.Add(segment, cache, rows);
        for (int head = 0; head < _keyValueHeads; head++)
            AddPrefillItems(segment, head, cache.Length, rows);
    }

    /// <summary>
    /// Puts the prefill items of a layer in order: heads see spans of very different lengths, and the long ones must not
    /// be left for the end, when there is nothing else to do beside them.
    /// </summary>
    internal void OrderPrefill(int layer)
    {
        if (_prefillOrder.Length < PrefillCount)
        {
            _prefillOrder = new int[_prefillItems.Length];
            _prefillCosts = new long[_prefillItems.Length];
        }

        OrderedCount = 0;
        for (int i = 0; i < PrefillCount; i++)
        {
            SequenceCache cache = _segments[_prefillItems[i].Segment].Cache;
            if (Sparse.Covers(cache, layer))
                continue;
            _prefillOrder[OrderedCount] = i;
            _prefillCosts[OrderedCount++] = -TilesOf(_prefillItems[i], layer);
        }

        _prefillCosts.AsSpan(0, OrderedCount).Sort(_prefillOrder.AsSpan(0, OrderedCount));
    }

    /// <summary>Whether rows of prompts see what is chosen for them in a layer: not where it attends within a window of its own.</summary>
    internal bool Chooses(int layer) => Sparse.PieceCount > 0 && Sparse.Covers(_segments[Sparse.Pieces[0].Segment].Cache, layer);

    /// <summary>The keys of a layer have been chosen.</summary>
    internal void Chosen(int layer)
    {
        Sparse.Chosen(layer);
        for (int segment = 0; segment < SegmentCount; segment++)
        {
            (long seen, long all) = Sparse.PairsOf(segment);
            _segments[segment].Cache.CountPairs(seen, all);
        }
    }

    // About how many pairs of a row and a key block an item computes.
    private long TilesOf(in AttentionItem item, int layer)
    {
        const int Block = Attention.ElasticRule.BlockSize;
        AttentionSegment segment = _segments[item.Segment];
        int group = _queryHeads / _keyValueHeads;
        int blocks = (segment.Cache.Length + item.FirstRow + item.Rows) / Block + 1;
        long tiles = 0;
        foreach (int ring in segment.Cache.Spans[layer].VisibleRing.AsSpan(item.KeyValueHead * group, group))
            tiles += Math.Min(blocks, ring / Block + 1);
        return tiles * item.Rows;
    }

    // Items end at borders of 64 positions, so that their rows see the same blocks; but a piece that is no more than one item
    // stays one, as what it costs is reading the keys.
    private void AddPrefillItems(int segment, int head, int firstPosition, int rows)
    {
        const int Block = Attention.ElasticRule.BlockSize;
        int group = _queryHeads / _keyValueHeads;
        int blocks = Math.Max(1, RowsPerItem / (Block * group));
        for (int row = 0; row < rows;)
        {
            int end = ((firstPosition + row) / Block + blocks) * Block - firstPosition;
            int count = rows <= Block * blocks ? rows : Math.Min(end, rows) - row;
            Append(ref _prefillItems, PrefillCount++, new AttentionItem(segment, head, row, count));
            row += count;
        }
    }

    private static void Append<T>(ref T[] items, int index, T item)
    {
        if (index == items.Length)
            Array.Resize(ref items, 2 * index);
        items[index] = item;
    }
}
