using MoA.Engine.KvCache;
using MoA.Engine.Models;
using MoA.Engine.Numerics;

namespace MoA.Engine.Kernels;

/// <summary>
/// The attention of a batch, cut into independent items once and used by every layer. Reused from batch to batch without
/// allocating once its arrays have grown to size.
/// </summary>
public sealed class AttentionWork
{
    private readonly int _queryHeads;
    private readonly int _keyValueHeads;
    private AttentionSegment[] _segments = new AttentionSegment[8];
    private AttentionItem[] _decodeItems = new AttentionItem[64];
    private AttentionItem[] _prefillItems = new AttentionItem[64];

    /// <summary>Work for a model's layers.</summary>
    public AttentionWork(ModelConfig config)
    {
        ArgumentNullException.ThrowIfNull(config);
        _queryHeads = config.QueryHeads;
        _keyValueHeads = config.KeyValueHeads;
        HeadSize = config.HeadSize;
    }

    internal int QueryHeads => _queryHeads;

    internal int KeyValueHeads => _keyValueHeads;

    internal int HeadSize { get; }

    internal AttentionSegment[] Segments => _segments;

    internal int SegmentCount { get; private set; }

    internal AttentionItem[] DecodeItems => _decodeItems;

    internal int DecodeCount { get; private set; }

    internal AttentionItem[] PrefillItems => _prefillItems;

    internal int PrefillCount { get; private set; }

    internal int Rows { get; private set; }

    /// <summary>The decode items of one layer, cut into pieces.</summary>
    internal DecodeSchedule Decode { get; } = new();

    internal void Clear() => SegmentCount = DecodeCount = PrefillCount = Rows = 0;

    internal void Add(SequenceCache cache, int rows, AttentionMode mode)
    {
        if (SegmentCount == _segments.Length)
            Array.Resize(ref _segments, 2 * SegmentCount);
        int segment = SegmentCount++;
        _segments[segment] = new AttentionSegment(cache, Rows, rows, mode);
        Rows += rows;
        for (int head = 0; head < _keyValueHeads; head++)
        {
            if (mode == AttentionMode.Decode)
                Append(ref _decodeItems, DecodeCount++, new AttentionItem(segment, head, 0, 1));
            else
                AddPrefillItems(segment, head, cache.Length, rows);
        }
    }

    // Items end at borders of 64 positions, so that a tile of keys is laid out for whole blocks of queries.
    private void AddPrefillItems(int segment, int head, int firstPosition, int rows)
    {
        const int Block = Attention.ElasticRule.BlockSize;
        int group = _queryHeads / _keyValueHeads;
        int blocks = Math.Max(1, PrefillAttention<SimdScalar, float>.RowsPerItem / (Block * group));
        for (int row = 0; row < rows;)
        {
            int end = ((firstPosition + row) / Block + blocks) * Block - firstPosition;
            int count = Math.Min(end, rows) - row;
            Append(ref _prefillItems, PrefillCount++, new AttentionItem(segment, head, row, count));
            row += count;
        }
    }

    private static void Append(ref AttentionItem[] items, int index, AttentionItem item)
    {
        if (index == items.Length)
            Array.Resize(ref items, 2 * index);
        items[index] = item;
    }
}
