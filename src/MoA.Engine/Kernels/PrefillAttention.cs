using System.Runtime.CompilerServices;
using MoA.Engine.Attention;
using MoA.Engine.KvCache;
using MoA.Engine.Numerics;
using MoA.Engine.Parallelism;

namespace MoA.Engine.Kernels;

/// <summary>
/// Block-sparse causal attention of prompt rows. Works on tiles of a panel of queries by 64 keys; tiles that no query of
/// the panel sees are never touched. Keys come from the cache (tokens before this chunk) and from the chunk itself. A
/// block of keys is widened once for all rows of the item and all query heads of the group, whose queries fill the panels
/// head by head: what a head leaves empty is filled by the next, and the last panel is half as wide where that is enough.
/// No lane's results depend on what stands beside it. While the first panel is computed, the block after its own is fetched.
/// Where the spans count in smaller blocks than 64, b tokens each, the sink is a block of keys of its own, and the keys behind it are
/// the rest of the first 64.
/// Visible: j ≤ i, and j in the sink or j/b ≥ i/b − ring/b + 1 in whole numbers, and j &gt; i − window.
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

    /// <inheritdoc/>
    [MethodImpl(JitOptions.Loop)]
    public void Run(int index, int worker)
    {
        AttentionItem item = _work.PrefillItems[_work.PrefillOrder[index]];
        AttentionSegment segment = _work.Segments[item.Segment];
        LayerSpans spans = segment.Cache.Spans[_inputs.Layer];
        int firstPosition = segment.Cache.Start(_inputs.Layer, item.KeyValueHead) + item.FirstRow;
        PrefillTile<TSimd, TVector> tile = new(_scratch, worker, _inputs.HeadSize, _inputs.Group, item.Rows, spans.Block);
        LayOut(segment, item, firstPosition, spans, tile);
        int ringStart = RingStart(firstPosition, spans.VisibleRing[tile.Runs[0].Head], spans);
        for (int key = 0, next; key < firstPosition + item.Rows; key = next)
        {
            next = Math.Max(EndOf(key, spans), ringStart);
            AttendBlock(segment, item, key, next, spans, tile);
        }

        for (int i = 0; i < tile.PanelCount; i++)
            WriteOutputs(tile, i, segment);
    }

    // The first key of the first block behind the sink's that a row sees.
    private static int RingStart(int position, int ring, LayerSpans spans)
    {
        long oldest = Math.Max(((long)position / spans.Block - ring / spans.Block + 1) * spans.Block, (long)position - spans.SlidingWindow + 1);
        return Math.Max(spans.Block, (int)Math.Max(0, oldest / Block) * Block);
    }

    // The end of a key's block, of which the sink is one.
    private static int EndOf(int key, LayerSpans spans) => key < spans.Block ? spans.Block : (key / Block + 1) * Block;

    // Lists the runs of the item's panels and transposes their queries, scaled so that scores are logarithms to base 2, or
    // what is still to be capped. Heads that see more come first, so that blocks far back are seen by as few panels as can be.
    [MethodImpl(JitOptions.Loop)]
    private void LayOut(
        in AttentionSegment segment, in AttentionItem item, int firstPosition, LayerSpans spans, in PrefillTile<TSimd, TVector> tile)
    {
        int size = _inputs.HeadSize, lanes = PrefillTile<TSimd, TVector>.Lanes, lane = 0, run = 0;
        nint stride = (nint)_inputs.QueryHeads * size;
        float scale = _inputs.QueryFactor;
        Span<int> rings = stackalloc int[_inputs.Group], heads = stackalloc int[_inputs.Group];
        for (int i = 0; i < heads.Length; i++)
        {
            heads[i] = item.KeyValueHead * _inputs.Group + i;
            rings[i] = -spans.VisibleRing[heads[i]];
        }

        rings.Sort(heads);
        tile.FirstRuns[0] = 0;
        foreach (int head in heads)
        {
            (float maximum, float sum) = _inputs.StartOf(head);
            new Span<float>(tile.Maxima + lane, item.Rows).Fill(maximum);
            new Span<float>(tile.Sums + lane, item.Rows).Fill(sum);
            for (int row = 0, rows; row < item.Rows; row += rows, lane += rows)
            {
                int position = firstPosition + row, panel = lane / lanes, first = lane % lanes;
                rows = Math.Min(Math.Min(lanes - first, spans.Block - position % spans.Block), item.Rows - row);
                tile.Runs[run] = new PrefillRun(head, item.FirstRow + row, rows, position, first);
                tile.FirstRuns[panel + 1] = ++run;
                Transposition.Run(
                    _inputs.Query(segment.FirstRow + item.FirstRow + row, head), stride,
                    tile.Queries + panel * tile.PanelFloats + first, tile.LanesOf(panel), rows, size, scale);
            }
        }
    }

    [MethodImpl(JitOptions.Loop)]
    private void AttendBlock(
        in AttentionSegment segment, in AttentionItem item, int key, int nextKey, LayerSpans spans,
        in PrefillTile<TSimd, TVector> tile)
    {
        int firstKey = -1, count = EndOf(key, spans) - key;
        Ahead ahead = default;
        for (int i = 0; i < tile.PanelCount; i++)
        {
            int first = count, end = 0;
            foreach (PrefillRun run in tile.RunsOf(i))
            {
                (int runFirst, int runEnd) = run.Sees(key, count, spans);
                if (runFirst >= runEnd)
                    continue;
                first = Math.Min(first, runFirst);
                end = Math.Max(end, runEnd);
            }

            if (first >= end)
                continue;
            if (firstKey < 0)
            {
                firstKey = Widen(segment, item.KeyValueHead, key, count, tile);
                ahead = Coming(segment, item.KeyValueHead, nextKey);
            }

            first = Math.Max(first, firstKey);
            if (first >= end)
                continue;
            if (tile.LanesOf(i) == TSimd.Width)
                AttendPanel<OneVector>(tile, i, key, count, first, end, spans, ahead);
            else
                AttendPanel<TwoVectors>(tile, i, key, count, first, end, spans, ahead);
            ahead = default;
        }
    }

    // What the first panel fetches of the block that comes after its own, nothing where that isn't cached.
    private Ahead Coming(in AttentionSegment segment, int keyValueHead, int key)
    {
        if (key >= segment.Cache.Start(_inputs.Layer, keyValueHead))
            return default;
        HeadCache cache = segment.Cache.Head(_inputs.Layer, keyValueHead);
        nint offset = (nint)cache.Slot(key) * cache.BytesPerRow;
        return new Ahead(cache.Keys + offset, cache.Values + offset, cache.BytesPerRow);
    }

    // Widens the block's keys and values as far as they are there. Returns the first key that is held: those before it
    // were evicted.
    [MethodImpl(JitOptions.Loop)]
    private int Widen(in AttentionSegment segment, int keyValueHead, int position, int count, in PrefillTile<TSimd, TVector> tile)
    {
        HeadCache cache = segment.Cache.Head(_inputs.Layer, keyValueHead);
        int start = segment.Cache.Start(_inputs.Layer, keyValueHead);
        int end = Math.Min(position + count, start + segment.Rows);
        int oldest = position < cache.Layout.Sink ? cache.OldestInSink(start) : cache.OldestInRing(start);
        int firstKey = Math.Clamp(Math.Min(oldest, start) - position, 0, count);
        if (position + firstKey < end)
        {
            new SegmentRows<TSimd, TVector>(_inputs, segment, keyValueHead).Read(
                position + firstKey, end - position - firstKey, tile.Keys + firstKey * tile.Stride, tile.Values + firstKey * tile.Stride, tile.Stride);
        }

        return firstKey;
    }

    [MethodImpl(JitOptions.Loop)]
    private void AttendPanel<TWidth>(
        in PrefillTile<TSimd, TVector> tile, int index, int key, int keys, int first, int end, LayerSpans spans, in Ahead ahead)
        where TWidth : struct, IPanelWidth
    {
        int size = _inputs.HeadSize, lanes = PrefillPanel<TSimd, TVector, TWidth>.Queries, count = end - first;
        float* scores = tile.Scores;
        nint offset = first * tile.Stride;
        PrefillPanel<TSimd, TVector, TWidth>.Score(
            tile.Keys + offset, tile.Stride, count, size, tile.Queries + index * tile.PanelFloats, scores,
            ahead.Keys, ahead.RowBytes);
        if (_inputs.CapFactor > 0)
            OnlineSoftmax<TSimd, TVector>.Cap(scores, count * lanes, _inputs.CapFactor);
        Hide(tile, index, key, keys, first, end, spans);
        PrefillPanel<TSimd, TVector, TWidth>.Softmax(scores, count, tile.MaximaOf(index), tile.SumsOf(index), tile.Corrections);
        PrefillPanel<TSimd, TVector, TWidth>.AddWeighted(
            tile.Values + offset, tile.Stride, count, size, scores, tile.Corrections,
            tile.Outputs + index * tile.PanelFloats, ahead.Values, ahead.RowBytes * Block / size);
    }

    // Sets the scores of keys that a query of the panel does not see to −∞: the future's, those before its window, and a
    // whole block that only heads beside its own see.
    [MethodImpl(JitOptions.Loop)]
    private static void Hide(
        in PrefillTile<TSimd, TVector> tile, int index, int key, int keys, int first, int end, LayerSpans spans)
    {
        bool hides = false;
        int lanes = tile.LanesOf(index);
        float* limits = tile.Corrections; // not in use yet
        new Span<float>(limits, lanes).Fill(float.PositiveInfinity);
        foreach (PrefillRun run in tile.RunsOf(index))
        {
            (int runFirst, int runEnd) = run.Sees(key, keys, spans);
            if (runFirst >= runEnd)
            {
                new Span<float>(limits + run.Lane, run.Rows).Fill(float.NegativeInfinity);
                hides = true;
            }
            else
            {
                run.Hide(key + first, end - first, spans, tile.Scores + run.Lane, lanes);
            }
        }

        if (!hides)
            return;
        for (float* row = tile.Scores, last = row + (end - first) * lanes; row < last; row += lanes)
        {
            for (int lane = 0; lane < lanes; lane += TSimd.Width)
                TSimd.Store(row + lane, TSimd.Min(TSimd.Load(row + lane), TSimd.Load(limits + lane)));
        }
    }

    [MethodImpl(JitOptions.Loop)]
    private void WriteOutputs(in PrefillTile<TSimd, TVector> tile, int index, in AttentionSegment segment)
    {
        int lanes = tile.LanesOf(index);
        float* outputs = tile.Outputs + index * tile.PanelFloats;
        tile.Normalize(index, _inputs.HeadSize); // no empty lane is written
        foreach (PrefillRun run in tile.RunsOf(index))
        {
            Transposition.Run(
                outputs + run.Lane, lanes, _inputs.Output(segment.FirstRow + run.Row, run.Head),
                (nint)_inputs.QueryHeads * _inputs.HeadSize, _inputs.HeadSize, run.Rows, 1f);
        }
    }

    // A cached block's rows, to be fetched while another is computed.
    private readonly struct Ahead(byte* keys, byte* values, int rowBytes)
    {
        public byte* Keys { get; } = keys;

        public byte* Values { get; } = values;

        public int RowBytes { get; } = rowBytes;
    }
}
