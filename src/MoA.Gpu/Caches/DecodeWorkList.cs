using ILGPU;
using MoA.Engine.Attention;
using MoA.Gpu.Device;
using MoA.Gpu.Kernels;

namespace MoA.Gpu.Caches;

/// <summary>
/// The decode attention of a batch in every layer, cut into pieces of equal size, so that heads of unequal length keep all of the
/// device busy. The pieces are those of full caches: the list is made once for a set of sequences, and from token to token only
/// their positions change; a piece whose rows are not there yet ends at once. How a head is cut depends on nothing but its own
/// rows: results do not depend on what else is in the batch.
/// </summary>
internal sealed class DecodeWorkList(DeviceMemory memory) : IDisposable
{
    private readonly DeviceList<DecodeHead> _heads = new(memory);
    private readonly DeviceList<DecodePiece> _pieces = new(memory);
    private readonly DeviceList<DecodeSequence> _sequences = new(memory);
    private readonly List<(int Head, int Piece)> _layers = [];
    private DeviceBuffer<DecodeItem>? _items;

    /// <summary>KV heads of all layers and sequences.</summary>
    public int Heads => _heads.Count;

    /// <summary>The most pieces of a layer.</summary>
    public int MostPieces { get; private set; }

    /// <summary>Starts anew.</summary>
    public void Clear()
    {
        _heads.Clear();
        _pieces.Clear();
        _layers.Clear();
        MostPieces = 0;
    }

    /// <summary>Goes on with the next layer.</summary>
    public void BeginLayer() => _layers.Add((_heads.Count, _pieces.Count));

    /// <summary>Adds a KV head of a sequence.</summary>
    /// <param name="head">The head; its pieces are counted here.</param>
    /// <param name="capacity">The most tokens that the sequence will hold.</param>
    public void Add(DecodeHead head, int capacity)
    {
        (int firstHead, int firstPiece) = _layers[^1];
        int rows = Math.Min(capacity, Math.Min(ElasticRule.SinkTokens + head.VisibleRing, head.Block.Rows));
        head.FirstPiece = _pieces.Count - firstPiece;
        for (int first = 0; first < rows; first += DecodeItem.RowsPerPiece)
            _pieces.Add(new DecodePiece { Item = _heads.Count - firstHead, First = first });
        _heads.Add(head);
        MostPieces = Math.Max(MostPieces, _pieces.Count - firstPiece);
    }

    /// <summary>Copies heads and pieces to the device.</summary>
    public void Upload()
    {
        _heads.Upload();
        _pieces.Upload();
        if (_items is null || _items.View.Length < _heads.Count)
        {
            _items?.Dispose();
            _items = null;
            _items = memory.Allocate<DecodeItem>(_heads.Count);
        }
    }

    /// <summary>Says where the next token of each sequence stands.</summary>
    public void Place(DeviceSession session, ReadOnlySpan<DecodeSequence> sequences)
    {
        DecodePlaces kernel = new() { Heads = _heads.View, Sequences = _sequences.Upload(sequences), Items = _items!.View };
        session.RunThreads(kernel, _heads.Count);
    }

    /// <summary>The items of a layer.</summary>
    public ArrayView<DecodeItem> Items(int layer)
    {
        int first = _layers[layer].Head, end = layer + 1 < _layers.Count ? _layers[layer + 1].Head : _heads.Count;
        return _items!.View.SubView(first, end - first);
    }

    /// <summary>The pieces of a layer.</summary>
    public ArrayView<DecodePiece> Pieces(int layer)
    {
        int first = _layers[layer].Piece, end = layer + 1 < _layers.Count ? _layers[layer + 1].Piece : _pieces.Count;
        return _pieces.View.SubView(first, end - first);
    }

    public void Dispose()
    {
        _heads.Dispose();
        _pieces.Dispose();
        _sequences.Dispose();
        _items?.Dispose();
    }
}
