using MoA.Engine.Attention;
using MoA.Gpu.Caches;

namespace MoA.Gpu.Kernels;

/// <summary>
/// Block-sparse causal attention of prompt rows, the portable form: it is what a kernel on tensor cores is tested against. A
/// warp works on a few neighbouring rows of one query head within a block of 64 positions. Keys come from the cache (tokens
/// before this piece) and from the piece itself, already rounded; blocks that no row of the tile sees are never touched.
/// Visible: j ≤ i, and the sink block or block(j) ≥ block(i) − ring/64 + 1, and j &gt; i − window.
/// </summary>
internal struct PrefillAttention<TFormat, TQueries, TLanes> : IDeviceKernel
    where TFormat : struct, ICacheFormat
    where TQueries : struct, IQueryTile
    where TLanes : struct, IRowLanes
{
    public PrefillArguments Arguments;

    /// <summary>Warps of a launch.</summary>
    public readonly long Warps => Arguments.Tiles.Length * Arguments.KeyValueHeads * Arguments.Group;

    /// <inheritdoc/>
    public readonly void Run()
    {
        int queryHeads = Arguments.KeyValueHeads * Arguments.Group, warp = Threads.Warp;
        if (warp >= Arguments.Tiles.Length * queryHeads)
            return;
        PrefillTile tile = Arguments.Tiles[warp / queryHeads];
        int queryHead = warp % queryHeads, head = queryHead / Arguments.Group;
        PrefillHead held = Arguments.Heads[tile.Segment * Arguments.KeyValueHeads + head];
        int size = Arguments.Memory.HeadSize, shares = size / 16, lane = Threads.Lane % TLanes.Count, share = Math.Min(lane, shares - 1);
        int first = TFormat.First(share), second = TFormat.Second(share, size);
        int ringAt = tile.Segment * queryHeads + queryHead, stride = queryHeads * (size / 4);
        long at = (long)tile.Row * stride + queryHead * (size / 4);
        QuerySource source = new()
        {
            Queries = Arguments.Queries,
            First = at,
            Stride = stride,
            Count = tile.Rows,
            VisibleRing = Arguments.VisibleRings,
            Ring = ringAt,
            Position = tile.Position,
            PositionStride = 1,
            InBlocks = 1,
            Window = Arguments.Window,
            Scale = Arguments.Scale,
        };
        TQueries queries = default;
        queries.Load(source, 0, first, second, lane < shares ? 1f : 0f);

        const int Sink = ElasticRule.SinkTokens, Block = ElasticRule.BlockSize;
        int start = Math.Max(0, tile.Position - Arguments.Window + 1), end = tile.Position + tile.Rows;
        int blocks = Arguments.VisibleRings[ringAt] / Block;
        int band = Math.Max(Math.Max(Sink, start), (tile.Position / Block - blocks + 1) * Block);
        AddHeld(ref queries, held, start, Math.Min(Sink, held.Length), share);
        AddHeld(ref queries, held, Math.Max(band, held.Oldest), held.Length, share);
        AddNew(ref queries, held, head, Math.Max(start, held.Length), Math.Min(Sink, end), first, second);
        AddNew(ref queries, held, head, Math.Max(band, held.Length), end, first, second);
        queries.Join(TLanes.Count);
        queries.Store(Arguments.Outputs, at, stride, tile.Rows, first, second, Threads.Lane < shares);
    }

    // Positions [from, to) out of the cache.
    private readonly void AddHeld(ref TQueries queries, PrefillHead held, int from, int to, int share)
    {
        int run = Threads.Lane / TLanes.Count;
        for (int position = from; position < to; position += Threads.PerWarp / TLanes.Count)
        {
            int slot = held.Block.Slot(Math.Min(position + run, to - 1));
            Sixteen key = TFormat.Read(Arguments.Memory, held.Block, 0, slot, share);
            Sixteen value = TFormat.Read(Arguments.Memory, held.Block, 1, slot, share);
            queries.Add(key, value, position + run < to ? position + run : int.MaxValue, TLanes.Count);
        }
    }

    // Positions [from, to) of the piece itself.
    private readonly void AddNew(ref TQueries queries, PrefillHead held, int head, int from, int to, int first, int second)
    {
        int run = Threads.Lane / TLanes.Count, size = Arguments.Memory.HeadSize / 4;
        for (int position = from; position < to; position += Threads.PerWarp / TLanes.Count)
        {
            long row = held.FirstRow + Math.Min(position + run, to - 1) - held.Length;
            long at = (row * Arguments.KeyValueHeads + head) * size;
            Sixteen key = new() { A = Octet.Load(Arguments.Keys, at + 2 * first), B = Octet.Load(Arguments.Keys, at + 2 * second) };
            Sixteen value = new() { A = Octet.Load(Arguments.Values, at + 2 * first), B = Octet.Load(Arguments.Values, at + 2 * second) };
            queries.Add(key, value, position + run < to ? position + run : int.MaxValue, TLanes.Count);
        }
    }
}
