using ILGPU;
using MoA.Engine.Attention;
using MoA.Engine.Kernels;
using MoA.Engine.KvCache;
using MoA.Engine.Numerics;
using MoA.Gpu.Device;

namespace MoA.Gpu.Caches;

/// <summary>
/// A batch's attention as flat arrays on the device. What depends on the sequences alone is made when another set of them comes
/// or one grows; what depends on the tokens of the pass, once a pass. Nothing is padded.
/// </summary>
internal sealed class BatchTables(DeviceSession session, DeviceMemory memory) : IDisposable
{
    private readonly List<(SequenceCache Cache, int Layout, AttentionMode Mode)> _sequences = [];
    private readonly List<DecodeSequence> _next = [];
    private readonly DeviceList<CacheBlock> _blocks = new(memory);
    private readonly DeviceList<int> _rings = new(memory);
    private readonly DeviceList<NewRow> _decoded = new(memory);
    private readonly DeviceList<NewRow> _read = new(memory);
    private readonly DeviceList<PrefillTile> _tiles = new(memory);
    private readonly DeviceList<PrefillHead> _heads = new(memory);
    private int _queryHeads, _keyValueHeads;

    /// <summary>The decode attention of every layer.</summary>
    public DecodeWorkList Decode { get; } = new(memory);

    /// <summary>Tokens that decode, as rows to store.</summary>
    public ArrayView<NewRow> DecodedRows => _decoded.View;

    /// <summary>Tokens of prompts, as rows to store.</summary>
    public ArrayView<NewRow> PromptRows => _read.View;

    /// <summary>The rows of prompts, a few at a time.</summary>
    public ArrayView<PrefillTile> Tiles => _tiles.View;

    /// <summary>Format of the caches.</summary>
    public ElementType Type { get; private set; }

    /// <summary>[segments, KV heads] of a layer.</summary>
    public ArrayView<CacheBlock> Blocks(int layer) => OfLayer(_blocks.View, layer, _keyValueHeads);

    /// <summary>[segments, query heads] of a layer.</summary>
    public ArrayView<int> VisibleRings(int layer) => OfLayer(_rings.View, layer, _queryHeads);

    /// <summary>[segments, KV heads] of a layer.</summary>
    public ArrayView<PrefillHead> PrefillHeads(int layer) => OfLayer(_heads.View, layer, _keyValueHeads);

    /// <summary>Makes the tables of a batch.</summary>
    /// <param name="work">The batch; all of its caches are on the device.</param>
    /// <param name="tileRows">Most rows of a prompt's tile.</param>
    /// <exception cref="InvalidOperationException">The caches have different formats.</exception>
    public void Prepare(AttentionWork work, int tileRows)
    {
        if (!IsSame(work))
            AddSequences(work);
        AddTokens(work, tileRows);
    }

    public void Dispose()
    {
        _blocks.Dispose();
        _rings.Dispose();
        _decoded.Dispose();
        _read.Dispose();
        _tiles.Dispose();
        _heads.Dispose();
        Decode.Dispose();
    }

    private ArrayView<T> OfLayer<T>(ArrayView<T> all, int layer, int heads)
        where T : unmanaged
    {
        int count = _sequences.Count * heads;
        return all.SubView((long)layer * count, count);
    }

    private bool IsSame(AttentionWork work)
    {
        if (_sequences.Count != work.SegmentCount)
            return false;
        for (int i = 0; i < work.SegmentCount; i++)
        {
            AttentionSegment segment = work.Segments[i];
            (SequenceCache cache, int layout, AttentionMode mode) = _sequences[i];
            if (cache != segment.Cache || layout != segment.Cache.LayoutVersion || mode != segment.Mode)
                return false;
        }

        return true;
    }

    private void AddSequences(AttentionWork work)
    {
        _sequences.Clear();
        _blocks.Clear();
        _rings.Clear();
        Decode.Clear();
        (_queryHeads, _keyValueHeads) = (work.QueryHeads, work.KeyValueHeads);
        SequenceCache first = work.Segments[0].Cache;
        Type = first.Type;
        for (int layer = 0; layer < first.Layers; layer++)
        {
            Decode.BeginLayer();
            int decoding = 0;
            for (int i = 0; i < work.SegmentCount; i++)
            {
                AttentionSegment segment = work.Segments[i];
                if (segment.Cache.Type != Type)
                    throw new InvalidOperationException("Caches of different formats cannot stand in one batch on a device.");
                foreach (int ring in segment.Cache.Spans[layer].VisibleRing)
                    _rings.Add(ring);
                AddHeads(segment, layer, i, decoding);
                decoding += segment.Mode == AttentionMode.Decode ? 1 : 0;
            }
        }

        _blocks.Upload();
        _rings.Upload();
        if (Decode.Heads > 0)
            Decode.Upload();
        // Last: what was left half made is made anew.
        for (int i = 0; i < work.SegmentCount; i++)
        {
            AttentionSegment segment = work.Segments[i];
            _sequences.Add((segment.Cache, segment.Cache.LayoutVersion, segment.Mode));
        }
    }

    private void AddHeads(in AttentionSegment segment, int layer, int index, int decoding)
    {
        LayerSpans spans = segment.Cache.Spans[layer];
        DeviceRows rows = (DeviceRows)segment.Cache.Rows;
        int group = _queryHeads / _keyValueHeads;
        for (int head = 0; head < _keyValueHeads; head++)
        {
            DeviceRing ring = rows.Head(layer * _keyValueHeads + head);
            _blocks.Add(ring.Block);
            if (segment.Mode != AttentionMode.Decode)
                continue;
            int visible = 0;
            foreach (int tokens in spans.VisibleRing.AsSpan(head * group, group))
                visible = Math.Max(visible, tokens);
            Decode.Add(
                new DecodeHead
                {
                    Block = ring.Block,
                    Sequence = decoding,
                    Head = head,
                    VisibleRing = visible,
                    Rings = index * _queryHeads + head * group,
                    Window = spans.SlidingWindow,
                    LostBefore = ring.LostBefore,
                },
                segment.Cache.Capacity);
        }
    }

    private void AddTokens(AttentionWork work, int tileRows)
    {
        _next.Clear();
        _decoded.Clear();
        _read.Clear();
        _tiles.Clear();
        for (int i = 0; i < work.SegmentCount; i++)
        {
            AttentionSegment segment = work.Segments[i];
            int length = segment.Cache.Length;
            if (segment.Mode == AttentionMode.Decode)
            {
                _next.Add(new DecodeSequence { Row = segment.FirstRow, Position = length });
                _decoded.Add(new NewRow { Segment = i, Row = segment.FirstRow, Position = length, End = length + 1 });
                continue;
            }

            for (int row = 0; row < segment.Rows; row++)
                _read.Add(new NewRow { Segment = i, Row = segment.FirstRow + row, Position = length + row, End = length + segment.Rows });
            AddTiles(segment, i, tileRows);
        }

        _decoded.Upload();
        if (_next.Count > 0)
            Decode.Place(session, System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_next));
        if (_read.Count == 0)
            return;
        _read.Upload();
        _tiles.Upload();
        AddPrefillHeads(work);
    }

    // The rows of a tile lie in one block of positions, or in as many as are one tile.
    private void AddTiles(in AttentionSegment segment, int index, int tileRows)
    {
        int length = segment.Cache.Length;
        for (int done = 0; done < segment.Rows;)
        {
            int block = Math.Max(tileRows, ElasticRule.BlockSize);
            int count = Math.Min(Math.Min(tileRows, segment.Rows - done), block - (length + done) % block);
            _tiles.Add(new PrefillTile { Segment = index, Row = segment.FirstRow + done, Rows = count, Position = length + done });
            done += count;
        }
    }

    private void AddPrefillHeads(AttentionWork work)
    {
        _heads.Clear();
        int layers = work.Segments[0].Cache.Layers;
        for (int layer = 0; layer < layers; layer++)
        {
            for (int i = 0; i < work.SegmentCount; i++)
            {
                AttentionSegment segment = work.Segments[i];
                DeviceRows rows = (DeviceRows)segment.Cache.Rows;
                for (int head = 0; head < _keyValueHeads; head++)
                {
                    DeviceRing ring = rows.Head(layer * _keyValueHeads + head);
                    _heads.Add(new PrefillHead
                    {
                        Block = ring.Block,
                        Length = segment.Cache.Length,
                        Oldest = ring.OldestInRing(segment.Cache.Length),
                        FirstRow = segment.FirstRow,
                    });
                }
            }
        }

        _heads.Upload();
    }
}
