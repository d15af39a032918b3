using System.Runtime.CompilerServices;
using MoA.Engine.Attention;
using MoA.Engine.KvCache;
using MoA.Engine.Numerics;
using MoA.Engine.Parallelism;

namespace MoA.Engine.Kernels;

/// <summary>
/// Block-sparse causal attention of prompt rows. Works on tiles of a panel of queries (of one head, within one block of
/// 64 positions) by 64 keys; tiles that no query of the panel sees are never touched. Keys come from the cache (tokens
/// before this chunk) and from the chunk itself. A block of keys is widened once for all rows of the item and all query
/// heads of the group.
/// Visible: j ≤ i, and the sink block or block(j) ≥ block(i) − ring/64 + 1, and j &gt; i − window.
/// </summary>
internal readonly unsafe struct PrefillAttention<TSimd, TVector> : IParallelJob
    where TSimd : ISimd<TVector>
    where TVector : struct
{
    private const int Block = ElasticRule.BlockSize;

    private readonly WorkerScratch _scratch;
    private readonly AttentionInputs _inputs;
    private readonly AttentionWork _work;

    /// <summary>Describes the attention of the batch's prefill items; their own rows are not stored yet.</summary>
    public PrefillAttention(WorkerScratch scratch, AttentionInputs inputs, AttentionWork work)
    {
        _scratch = scratch;
        _inputs = inputs;
        _work = work;
    }

    private static int Queries
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => PrefillPanel<TSimd, TVector>.Queries;
    }

    /// <inheritdoc/>
    [MethodImpl(JitOptions.Loop)]
    public void Run(int index, int worker)
    {
        AttentionItem item = _work.PrefillItems[_work.PrefillOrder[index]];
        AttentionSegment segment = _work.Segments[item.Segment];
        int firstPosition = segment.Cache.Start(_inputs.Layer, item.KeyValueHead) + item.FirstRow;
        Tile tile = new(_scratch, worker, _inputs.HeadSize, PanelsPerHead(firstPosition, item.Rows) * _inputs.Group);
        int panels = LayOut(segment, item, tile);
        int lastBlock = (firstPosition + item.Rows - 1) / Block;
        for (int keyBlock = 0; keyBlock <= lastBlock; keyBlock++)
            AttendBlock(segment, item, keyBlock, tile, panels);
        for (int i = 0; i < panels; i++)
            WriteOutputs(tile, i, segment);
    }

    // Blocks of queries are filled from their first row on; every block may leave its last panel partly empty.
    private static int PanelsPerHead(int firstPosition, int rows)
    {
        int panels = 0;
        for (int row = 0; row < rows; row += PanelRows(firstPosition + row, rows - row))
            panels++;
        return panels;
    }

    private static int PanelRows(int position, int rowsLeft) =>
        Math.Min(Math.Min(Queries, Block - position % Block), rowsLeft);

    // Lists the item's panels and transposes their queries, scaled so that scores are logarithms to base 2, or what is still to be capped.
    [MethodImpl(JitOptions.Loop)]
    private int LayOut(in AttentionSegment segment, in AttentionItem item, in Tile tile)
    {
        int size = _inputs.HeadSize, count = 0;
        nint stride = (nint)_inputs.QueryHeads * size;
        float scale = _inputs.QueryFactor;
        int start = segment.Cache.Start(_inputs.Layer, item.KeyValueHead);
        for (int head = item.KeyValueHead * _inputs.Group; head < (item.KeyValueHead + 1) * _inputs.Group; head++)
        {
            (float maximum, float sum) = _inputs.StartOf(head);
            for (int row = item.FirstRow, end = row + item.Rows; row < end;)
            {
                int position = start + row;
                int rows = PanelRows(position, end - row);
                float* to = tile.Queries + count * tile.PanelFloats;
                if (rows < Queries)
                    new Span<float>(to, (int)tile.PanelFloats).Clear();
                Transposition.Run(_inputs.Query(segment.FirstRow + row, head), stride, to, Queries, rows, size, scale);
                new Span<float>(tile.Maxima + count * Queries, Queries).Fill(maximum);
                new Span<float>(tile.Sums + count * Queries, Queries).Fill(sum);
                tile.Panels[count++] = new Panel(head, row, rows, position);
                row += rows;
            }
        }

        return count;
    }

    [MethodImpl(JitOptions.Loop)]
    private void AttendBlock(in AttentionSegment segment, in AttentionItem item, int keyBlock, in Tile tile, int panels)
    {
        LayerSpans spans = segment.Cache.Spans[_inputs.Layer];
        int firstKey = -1;
        for (int i = 0; i < panels; i++)
        {
            Panel panel = tile.Panels[i];
            if (!IsVisible(keyBlock, panel, spans))
                continue;
            if (firstKey < 0)
                firstKey = Widen(segment, item.KeyValueHead, keyBlock, tile);
            AttendPanel(tile, i, keyBlock * Block, firstKey, spans.SlidingWindow);
        }
    }

    private static bool IsVisible(int keyBlock, in Panel panel, LayerSpans spans)
    {
        int queryBlock = panel.Position / Block;
        if (keyBlock > queryBlock)
            return false;
        if (keyBlock > 0 && keyBlock < queryBlock - spans.VisibleRing[panel.Head] / Block + 1)
            return false;
        return (keyBlock + 1) * Block - 1 > (long)panel.Position - spans.SlidingWindow;
    }

    // Widens the block's keys and values as far as they are there. Returns the first key that is held: those before it
    // were evicted.
    [MethodImpl(JitOptions.Loop)]
    private int Widen(in AttentionSegment segment, int keyValueHead, int keyBlock, in Tile tile)
    {
        HeadCache cache = segment.Cache.Head(_inputs.Layer, keyValueHead);
        int start = segment.Cache.Start(_inputs.Layer, keyValueHead), size = _inputs.HeadSize;
        int position = keyBlock * Block, end = Math.Min(position + Block, start + segment.Rows);
        int oldest = keyBlock == 0 ? cache.OldestInSink(start) : cache.OldestInRing(start);
        int firstKey = Math.Clamp(Math.Min(oldest, start) - position, 0, Block);
        float* keys = tile.Keys + firstKey * tile.Stride, values = tile.Values + firstKey * tile.Stride;
        for (position += firstKey; position < end;)
        {
            int rows;
            if (position < start)
            {
                // Consecutive positions stand in consecutive slots up to the end of the ring.
                int slot = cache.Slot(position);
                rows = Math.Min(Math.Min(end, start) - position, cache.Rows - slot);
                nint offset = (nint)slot * cache.BytesPerRow;
                WidenRows(cache, cache.Keys + offset, rows, keys, tile.Stride);
                WidenRows(cache, cache.Values + offset, rows, values, tile.Stride);
            }
            else
            {
                rows = end - position;
                int row = segment.FirstRow + position - start;
                CopyRows(_inputs.Key(row, keyValueHead), rows, keys, tile.Stride);
                CopyRows(_inputs.Value(row, keyValueHead), rows, values, tile.Stride);
            }

            position += rows;
            keys += rows * tile.Stride;
            values += rows * tile.Stride;
        }

        return firstKey;
    }

    [MethodImpl(JitOptions.Loop)]
    private void WidenRows(HeadCache cache, byte* from, int rows, float* to, nint stride)
    {
        int size = _inputs.HeadSize;
        if (cache.Type != ElementType.BF16 || size % TSimd.Width != 0)
        {
            for (int row = 0; row < rows; row++, from += cache.BytesPerRow, to += stride)
                NumberFormat<TSimd, TVector>.Widen(cache.Type, from, to, size);
            return;
        }

        ushort* stored = (ushort*)from;
        for (int row = 0; row < rows; row++, stored += size, to += stride)
        {
            for (int d = 0; d < size; d += TSimd.Width)
                TSimd.Store(to + d, TSimd.LoadBF16(stored + d));
        }
    }

    private void CopyRows(float* from, int rows, float* to, nint stride)
    {
        long bytes = _inputs.HeadSize * 4L;
        nint fromStride = (nint)_inputs.KeyValueHeads * _inputs.HeadSize;
        for (int row = 0; row < rows; row++, from += fromStride, to += stride)
            Buffer.MemoryCopy(from, to, bytes, bytes);
    }

    [MethodImpl(JitOptions.Loop)]
    private void AttendPanel(in Tile tile, int index, int firstPosition, int firstKey, int window)
    {
        Panel panel = tile.Panels[index];
        int size = _inputs.HeadSize;
        int lastQuery = panel.Position + panel.Rows - 1;
        int first = (int)Math.Max(firstKey, (long)panel.Position - window + 1 - firstPosition);
        int end = Math.Min(Block, lastQuery + 1 - firstPosition);
        if (first >= end)
            return;
        float* scores = tile.Scores;
        nint offset = first * tile.Stride;
        PrefillPanel<TSimd, TVector>.Score(
            tile.Keys + offset, tile.Stride, end - first, size, tile.Queries + index * tile.PanelFloats, scores);
        if (_inputs.CapFactor > 0)
            OnlineSoftmax<TSimd, TVector>.Cap(scores, (end - first) * Queries, _inputs.CapFactor);
        if (firstPosition + end - 1 > panel.Position || firstPosition + first <= (long)lastQuery - window)
            Hide(panel, firstPosition + first, end - first, window, scores);
        float* maxima = tile.Maxima + index * Queries, sums = tile.Sums + index * Queries;
        PrefillPanel<TSimd, TVector>.Softmax(scores, end - first, maxima, sums, tile.Corrections);
        PrefillPanel<TSimd, TVector>.AddWeighted(
            tile.Values + offset, tile.Stride, end - first, size, scores, tile.Corrections,
            tile.Outputs + index * tile.PanelFloats);
    }

    // Sets the scores of keys that a query of the panel does not see to −∞: the future's, and those before its window.
    private static void Hide(in Panel panel, int position, int count, int window, float* scores)
    {
        for (int key = 0; key < count; key++, position++, scores += Queries)
        {
            int future = Math.Clamp(position - panel.Position, 0, Queries);
            new Span<float>(scores, future).Fill(float.NegativeInfinity);
            int past = (int)Math.Clamp((long)position + window - panel.Position, 0, Queries);
            new Span<float>(scores + past, Queries - past).Fill(float.NegativeInfinity);
        }
    }

    [MethodImpl(JitOptions.Loop)]
    private void WriteOutputs(in Tile tile, int index, in AttentionSegment segment)
    {
        Panel panel = tile.Panels[index];
        float* outputs = tile.Outputs + index * tile.PanelFloats, sums = tile.Sums + index * Queries;
        // The sums of empty lanes are not numbers that mean anything, nor are their outputs; none of them is written.
        for (int i = 0; i < panel.Rows; i++)
            sums[i] = 1f / sums[i];
        for (int d = 0; d < _inputs.HeadSize; d++)
        {
            float* line = outputs + d * Queries;
            for (int i = 0; i < Queries; i += TSimd.Width)
                TSimd.Store(line + i, TSimd.Multiply(TSimd.Load(line + i), TSimd.Load(sums + i)));
        }

        Transposition.Run(
            outputs, Queries, _inputs.Output(segment.FirstRow + panel.Row, panel.Head),
            (nint)_inputs.QueryHeads * _inputs.HeadSize, _inputs.HeadSize, panel.Rows, 1f);
    }

    /// <summary>Queries that are computed together.</summary>
    /// <param name="Head">Query head.</param>
    /// <param name="Row">First row, counted within the segment.</param>
    /// <param name="Rows">Number of rows.</param>
    /// <param name="Position">Position of the first row's token.</param>
    private readonly record struct Panel(int Head, int Row, int Rows, int Position);

    /// <summary>One worker's memory for an item.</summary>
    private readonly struct Tile
    {
        // Rows a power of two apart would share few lines of the first cache.
        private const int Skew = 16;

        public Tile(WorkerScratch scratch, int worker, int headSize, int panels)
        {
            Stride = (headSize + 15) / 16 * 16 + Skew;
            int lanes = PrefillPanel<TSimd, TVector>.Queries;
            PanelFloats = headSize * lanes;
            int states = (panels * lanes + 15) / 16 * 16;
            int listFloats = (panels * sizeof(Panel) / 4 + 15) / 16 * 16;
            int scoreFloats = ((Block + PrefillPanel<TSimd, TVector>.Slack) * lanes + 15) / 16 * 16;
            int panelFloats = (int)(panels * PanelFloats + 15) / 16 * 16;
            Keys = scratch.Floats(
                worker, (int)(2 * Block * Stride) + scoreFloats + 2 * panelFloats + 2 * states + Math.Max(16, lanes) + listFloats);
            Values = Keys + Block * Stride;
            Scores = Values + Block * Stride;
            Corrections = Scores + scoreFloats;
            Queries = Corrections + Math.Max(16, lanes);
            Outputs = Queries + panelFloats;
            Maxima = Outputs + panelFloats;
            Sums = Maxima + states;
            Panels = (Panel*)(Sums + states);
            new Span<float>(Outputs, panelFloats).Clear();
        }

        /// <summary>Floats between keys and between values.</summary>
        public nint Stride { get; }

        /// <summary>Floats of a panel's queries and of its outputs.</summary>
        public nint PanelFloats { get; }

        public float* Keys { get; }

        public float* Values { get; }

        public float* Scores { get; }

        public float* Corrections { get; }

        public float* Queries { get; }

        public float* Outputs { get; }

        public float* Maxima { get; }

        public float* Sums { get; }

        public Panel* Panels { get; }
    }
}
