using MoA.Gpu.Caches;

namespace MoA.Gpu.Kernels;

/// <summary>
/// Attention of tokens that are being generated, over each head's own rows. A warp works on one piece of a KV head's rows for
/// as many query heads of the group as the tile holds: several rows at a time, each read by a run of lanes. What it finds goes
/// into <see cref="PartialOutputs"/>, which <see cref="DecodeMerge"/> joins in order.
/// </summary>
internal struct DecodeAttention<TFormat, TQueries, TLanes> : IDeviceKernel
    where TFormat : struct, ICacheFormat
    where TQueries : struct, IQueryTile
    where TLanes : struct, IRowLanes
{
    public DecodeArguments Arguments;

    /// <summary>Warps of a launch.</summary>
    public readonly long Warps => Arguments.Pieces.Length * Tiles;

    private readonly int Tiles => (Arguments.Group + TQueries.Count - 1) / TQueries.Count;

    /// <inheritdoc/>
    public readonly void Run()
    {
        int warp = Threads.Warp, tiles = Tiles;
        if (warp >= Arguments.Pieces.Length * tiles)
            return;
        int index = warp / tiles, head = warp % tiles * TQueries.Count;
        DecodePiece piece = Arguments.Pieces[index];
        DecodeItem item = Arguments.Items[piece.Item];
        int rows = Math.Min(item.Rows - piece.First, DecodeItem.RowsPerPiece);
        if (rows <= 0)
            return;
        int shares = Arguments.Memory.HeadSize / 16, lane = Threads.Lane % TLanes.Count, share = Math.Min(lane, shares - 1);
        int first = TFormat.First(share), second = TFormat.Second(share, Arguments.Memory.HeadSize);
        QuerySource source = new()
        {
            Queries = Arguments.Queries,
            First = ((long)item.Row * Arguments.KeyValueHeads + item.Head) * Arguments.Group * (Arguments.Memory.HeadSize / 4),
            Stride = Arguments.Memory.HeadSize / 4,
            Count = Arguments.Group,
            VisibleRing = Arguments.VisibleRings,
            Ring = item.Rings,
            RingStride = 1,
            Position = item.Position,
            Window = item.Window,
            Scale = Arguments.Scale,
        };
        TQueries queries = default;
        queries.Load(source, head, first, second, lane < shares ? 1f : 0f);
        int run = Threads.Lane / TLanes.Count;
        for (int row = 0; row < rows; row += Threads.PerWarp / TLanes.Count)
        {
            int at = piece.First + Math.Min(row + run, rows - 1);
            int position = at < item.SinkRows ? item.FirstInSink + at : item.Oldest + at - item.SinkRows;
            int slot = item.Block.Slot(position);
            Sixteen key = TFormat.Read(Arguments.Memory, item.Block, 0, slot, share);
            Sixteen value = TFormat.Read(Arguments.Memory, item.Block, 1, slot, share);
            queries.Add(key, value, row + run < rows ? position : int.MaxValue, TLanes.Count);
        }

        queries.Join(TLanes.Count);
        queries.StorePartial(
            Arguments.Partials, (long)index * Arguments.Group + head, Arguments.Group - head, first, second, Threads.Lane < shares);
    }
}
