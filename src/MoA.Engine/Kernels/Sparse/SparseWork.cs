using MoA.Engine.Attention;
using MoA.Engine.Attention.Prefill;
using MoA.Engine.KvCache;

namespace MoA.Engine.Kernels.Sparse;

/// <summary>
/// The rows of a batch that see what a <see cref="PrefillPolicy"/> chooses, and what was chosen in the layer at work. Reused from batch to
/// batch; allocates nothing once it has grown to size.
/// </summary>
internal sealed class SparseWork(int queryHeads)
{
    private const int Block = ElasticRule.BlockSize;

    private SparsePiece[] _pieces = new SparsePiece[4];
    private KeyRanges[] _ranges = [];
    private SparseItem[] _items = [];
    private long[] _costs = [];

    /// <summary>Pieces of prompts; 0 where no sequence of the batch has such a policy.</summary>
    public int PieceCount { get; private set; }

    /// <summary>The pieces.</summary>
    public ReadOnlySpan<SparsePiece> Pieces => _pieces.AsSpan(0, PieceCount);

    /// <summary>Choices to be made in a layer: one for each piece and query head.</summary>
    public int Choices => PieceCount * queryHeads;

    /// <summary>The layer for which keys were chosen last; -1 for none.</summary>
    public int ChosenLayer { get; private set; } = -1;

    /// <summary>What is attended to in the layer, that with most work first.</summary>
    public ReadOnlySpan<SparseItem> Items => _items.AsSpan(0, ItemCount);

    /// <summary>Items of the layer.</summary>
    public int ItemCount { get; private set; }

    /// <summary>Replaces the sequences' policies, to try others out; null for their own.</summary>
    public PrefillPolicy? Tried { get; set; }

    /// <summary>Whether rows of a layer see what is chosen: not where it attends within a window of its own.</summary>
    public bool Covers(SequenceCache cache, int layer) =>
        PieceCount > 0 && (Tried ?? cache.Prefill) is not null && cache.Spans[layer].SlidingWindow == int.MaxValue;

    /// <summary>The policy of a sequence.</summary>
    public PrefillPolicy PolicyOf(SequenceCache cache) => Tried ?? cache.Prefill!;

    /// <summary>What a piece's query head sees.</summary>
    public KeyRanges RangesOf(int piece, int head) => _ranges[piece * queryHeads + head];

    /// <summary>Forgets all pieces.</summary>
    public void Clear()
    {
        PieceCount = ItemCount = 0;
        ChosenLayer = -1;
    }

    /// <summary>Adds the rows of a segment, in pieces.</summary>
    public void Add(int segment, SequenceCache cache, int rows)
    {
        PrefillPolicy policy = PolicyOf(cache);
        int most = policy.ChoosesByPiece ? policy.Piece : PrefillPolicy.DefaultPiece;
        for (int row = 0, count; row < rows; row += count)
        {
            count = Math.Min(rows - row, most - (cache.Length + row) % most);
            if (PieceCount == _pieces.Length)
                Array.Resize(ref _pieces, 2 * PieceCount);
            _pieces[PieceCount++] = new SparsePiece(segment, row, count);
        }

        int ranges = _ranges.Length;
        if (ranges < Choices)
        {
            Array.Resize(ref _ranges, Choices);
            while (ranges < Choices)
                _ranges[ranges++] = new KeyRanges();
        }
    }

    /// <summary>The keys of a layer have been chosen: lists what is to be computed.</summary>
    public void Chosen(int layer)
    {
        ChosenLayer = layer;
        ItemCount = 0;
        for (int i = 0; i < Choices; i++)
            ItemCount += _ranges[i].Blocks;
        if (_items.Length < ItemCount)
        {
            _items = new SparseItem[ItemCount];
            _costs = new long[ItemCount];
        }

        for (int i = 0, item = 0; i < Choices; i++)
        {
            for (int block = 0; block < _ranges[i].Blocks; block++, item++)
            {
                (int rows, int keys) = _ranges[i].SizeOf(block);
                _items[item] = new SparseItem(i / queryHeads, i % queryHeads, block);
                _costs[item] = -(long)keys * (Block + rows);
            }
        }

        _costs.AsSpan(0, ItemCount).Sort(_items.AsSpan(0, ItemCount));
    }

    /// <summary>Pairs of a row and a key that are seen in the layer, and that would be seen if nothing were chosen, of a segment.</summary>
    public (long Seen, long All) PairsOf(int segment)
    {
        (long seen, long all) = (0, 0);
        for (int i = 0; i < Choices; i++)
        {
            if (_pieces[i / queryHeads].Segment != segment)
                continue;
            seen += _ranges[i].Pairs;
            all += _ranges[i].AllPairs;
        }

        return (seen, all);
    }
}
