using System.Runtime.CompilerServices;
using MoA.Engine.Attention;
using MoA.Engine.KvCache;
using MoA.Engine.Numerics;
using MoA.Engine.Parallelism;

namespace MoA.Engine.Kernels;

/// <summary>
/// Block-sparse causal attention of prompt rows. Works on tiles of at most 64 queries (those of one block of 64
/// positions) by 64 keys; tiles that no query of the block sees are never touched. Keys come from the cache (tokens
/// before this chunk) and from the chunk itself. A block of keys is widened and transposed once for all rows of the item
/// and all query heads of the group; scores and weighted sums are matrix products in registers.
/// Visible: j ≤ i, and the sink block or block(j) ≥ block(i) − ring/64 + 1, and j &gt; i − window.
/// </summary>
internal readonly unsafe struct PrefillAttention<TSimd, TVector> : IParallelJob
    where TSimd : ISimd<TVector>
    where TVector : struct
{
    /// <summary>Rows × query heads that one item accumulates; bounds its scratch memory.</summary>
    public const int RowsPerItem = 256;

    private const int Block = ElasticRule.BlockSize;

    private readonly WorkerScratch _scratch;
    private readonly AttentionInputs _inputs;
    private readonly AttentionSegment[] _segments;
    private readonly AttentionItem[] _items;

    /// <summary>Describes the attention of <paramref name="items"/>; their own rows are not stored yet.</summary>
    public PrefillAttention(
        WorkerScratch scratch, AttentionInputs inputs, AttentionSegment[] segments, AttentionItem[] items)
    {
        _scratch = scratch;
        _inputs = inputs;
        _segments = segments;
        _items = items;
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(int index, int worker)
    {
        AttentionItem item = _items[index];
        AttentionSegment segment = _segments[item.Segment];
        LayerSpans spans = segment.Cache.Spans[_inputs.Layer];
        int group = _inputs.Group;
        int firstPosition = segment.Cache.Length + item.FirstRow;
        int lastPosition = firstPosition + item.Rows - 1;
        Tile tile = new(_scratch, worker, _inputs.HeadSize, item.Rows * group);
        for (int keyBlock = 0; keyBlock <= lastPosition / Block; keyBlock++)
        {
            bool packed = false;
            int firstKey = 0;
            for (int row = 0; row < item.Rows;)
            {
                int queryBlock = (firstPosition + row) / Block;
                int rows = Math.Min((queryBlock + 1) * Block - firstPosition - row, item.Rows - row);
                for (int head = 0; head < group; head++)
                {
                    int queryHead = item.KeyValueHead * group + head;
                    if (!IsVisible(keyBlock, queryBlock, spans, queryHead, firstPosition + row))
                        continue;
                    if (!packed)
                    {
                        firstKey = Pack(tile, keyBlock, segment, item.KeyValueHead);
                        packed = true;
                    }

                    Attend(tile, segment, item.FirstRow + row, rows, queryHead, head * item.Rows + row, keyBlock, firstKey,
                        firstPosition + row, spans.SlidingWindow);
                }

                row += rows;
            }
        }

        WriteOutputs(tile, segment, item);
    }

    private static bool IsVisible(int keyBlock, int queryBlock, LayerSpans spans, int queryHead, int firstQuery)
    {
        if (keyBlock > queryBlock)
            return false;
        if (keyBlock > 0 && keyBlock < queryBlock - spans.VisibleRing[queryHead] / Block + 1)
            return false;
        return (keyBlock + 1) * Block - 1 > (long)firstQuery - spans.SlidingWindow;
    }

    // Lays out the block's keys transposed, [headSize, 64], and its values, [64, padded headSize]. Returns the first key
    // of the block that is held; keys that are not there (evicted, or yet to come) become zeros.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private int Pack(in Tile tile, int keyBlock, in AttentionSegment segment, int keyValueHead)
    {
        HeadCache cache = segment.Cache.Head(_inputs.Layer, keyValueHead);
        int start = segment.Cache.Length;
        int oldest = cache.OldestInRing(start);
        int size = _inputs.HeadSize;
        int firstKey = 0;
        for (int key = 0; key < Block; key++)
        {
            int position = keyBlock * Block + key;
            float* value = tile.Values + (nint)key * tile.PaddedHeadSize;
            float* line = tile.Line;
            bool evicted = position >= ElasticRule.SinkTokens && position < Math.Min(oldest, start);
            if (evicted)
                firstKey = key + 1;
            if (evicted || position >= start + segment.Rows)
            {
                new Span<float>(value, size).Clear();
                new Span<float>(line, size).Clear();
            }
            else if (position >= start)
            {
                int row = segment.FirstRow + position - start;
                Buffer.MemoryCopy(_inputs.Value(row, keyValueHead), value, size * 4, size * 4);
                line = _inputs.Key(row, keyValueHead);
            }
            else
            {
                nint offset = (nint)cache.Slot(position) * cache.BytesPerRow;
                NumberFormat<TSimd, TVector>.Widen(cache.Type, cache.Values + offset, value, size);
                NumberFormat<TSimd, TVector>.Widen(cache.Type, cache.Keys + offset, line, size);
            }

            float* column = tile.KeysTransposed + key;
            for (int d = 0; d < size; d++)
                column[d * Block] = line[d];
        }

        return firstKey;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Attend(
        in Tile tile, in AttentionSegment segment, int row, int rows, int queryHead, int state, int keyBlock, int firstKey,
        int firstQuery, int window)
    {
        int size = _inputs.HeadSize;
        int width = MicroKernel<TSimd, TVector>.Columns;
        nint queryStride = (nint)_inputs.QueryHeads * size;
        float* queries = _inputs.Query(segment.FirstRow + row, queryHead);
        for (int column = 0; column < Block; column += width)
        {
            MicroKernel<TSimd, TVector>.Multiply(
                queries, queryStride, tile.KeysTransposed + column, Block, tile.Scores + column, Block, rows, size, false);
        }

        for (int i = 0; i < rows; i++)
        {
            float* scores = tile.Scores + i * Block;
            long offset = (long)firstQuery + i - (long)keyBlock * Block;
            int last = (int)Math.Min(Block - 1, offset);
            int first = (int)Math.Clamp(offset - window + 1, firstKey, Block);
            if (first > 0)
                new Span<float>(scores, Math.Min(first, Block)).Clear();
            if (last < Block - 1)
                new Span<float>(scores + last + 1, Block - 1 - last).Clear();
            if (first > last)
            {
                new Span<float>(scores, Block).Clear();
                continue;
            }

            float correction = OnlineSoftmax<TSimd, TVector>.Update(
                scores + first, last - first + 1, ref tile.Maxima[state + i], ref tile.Sums[state + i]);
            if (correction != 1f)
            {
                OnlineSoftmax<TSimd, TVector>.Scale(
                    tile.Outputs + (nint)(state + i) * tile.PaddedHeadSize, tile.PaddedHeadSize, correction);
            }
        }

        for (int column = 0; column < tile.PaddedHeadSize; column += width)
        {
            MicroKernel<TSimd, TVector>.Multiply(
                tile.Scores, Block, tile.Values + column, tile.PaddedHeadSize,
                tile.Outputs + (nint)state * tile.PaddedHeadSize + column, tile.PaddedHeadSize, rows, Block, true);
        }
    }

    private void WriteOutputs(in Tile tile, in AttentionSegment segment, in AttentionItem item)
    {
        int group = _inputs.Group;
        for (int head = 0; head < group; head++)
        {
            for (int row = 0; row < item.Rows; row++)
            {
                int state = head * item.Rows + row;
                float* from = tile.Outputs + (nint)state * tile.PaddedHeadSize;
                float* to = _inputs.Output(segment.FirstRow + item.FirstRow + row, item.KeyValueHead * group + head);
                OnlineSoftmax<TSimd, TVector>.Scale(from, tile.PaddedHeadSize, 1f / tile.Sums[state]);
                Buffer.MemoryCopy(from, to, _inputs.HeadSize * 4, _inputs.HeadSize * 4);
            }
        }
    }

    /// <summary>One worker's memory for an item.</summary>
    private readonly struct Tile
    {
        public Tile(WorkerScratch scratch, int worker, int headSize, int states)
        {
            int width = MicroKernel<TSimd, TVector>.Columns;
            PaddedHeadSize = (headSize + width - 1) / width * width;
            int paddedStates = (states + 15) / 16 * 16;
            float* memory = scratch.Floats(
                worker,
                Block * (headSize + PaddedHeadSize + Block) + PaddedHeadSize * (paddedStates + 1) + 2 * paddedStates);
            KeysTransposed = memory;
            Values = KeysTransposed + Block * headSize;
            Scores = Values + Block * PaddedHeadSize;
            Outputs = Scores + Block * Block;
            Line = Outputs + (nint)PaddedHeadSize * paddedStates;
            Maxima = Line + PaddedHeadSize;
            Sums = Maxima + paddedStates;
            new Span<float>(Values, Block * PaddedHeadSize).Clear();
            new Span<float>(Outputs, PaddedHeadSize * states).Clear();
            new Span<float>(Maxima, states).Fill(float.NegativeInfinity);
            new Span<float>(Sums, states).Clear();
        }

        public int PaddedHeadSize { get; }

        public float* KeysTransposed { get; }

        public float* Values { get; }

        public float* Scores { get; }

        public float* Outputs { get; }

        public float* Line { get; }

        public float* Maxima { get; }

        public float* Sums { get; }
    }
}
