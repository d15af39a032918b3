using System.Runtime.CompilerServices;
using MoA.Engine.Attention;
using MoA.Engine.KvCache;
using MoA.Engine.Numerics;
using MoA.Engine.Parallelism;

namespace MoA.Engine.Kernels;

/// <summary>
/// Attention of one generated token per sequence over the rows that its KV head holds, all query heads of the group
/// together so that the rows are read from memory once. Visible: the sink, and the last ring rows (the query's own
/// included). Bound by reading the rows.
/// </summary>
internal readonly unsafe struct DecodeAttention<TSimd, TVector> : IParallelJob
    where TSimd : ISimd<TVector>
    where TVector : struct
{
    private const int RowsPerBlock = 128;

    private readonly WorkerScratch _scratch;
    private readonly AttentionInputs _inputs;
    private readonly AttentionSegment[] _segments;
    private readonly AttentionItem[] _items;

    /// <summary>Describes the attention of <paramref name="items"/>, whose own rows are already stored.</summary>
    public DecodeAttention(
        WorkerScratch scratch, AttentionInputs inputs, AttentionSegment[] segments, AttentionItem[] items)
    {
        _scratch = scratch;
        _inputs = inputs;
        _segments = segments;
        _items = items;
    }

    /// <inheritdoc/>
    public void Run(int index, int worker)
    {
        AttentionItem item = _items[index];
        AttentionSegment segment = _segments[item.Segment];
        HeadCache cache = segment.Cache.Head(_inputs.Layer, item.KeyValueHead);
        if (cache.Type == ElementType.F32)
            Attend<StoredF32>(item, segment, cache, worker);
        else
            Attend<StoredBF16>(item, segment, cache, worker);
    }

    private void Attend<TStored>(in AttentionItem item, in AttentionSegment segment, HeadCache cache, int worker)
        where TStored : IStored
    {
        int length = segment.Cache.Length + 1;
        State state = new(_scratch, worker, _inputs.HeadSize, _inputs.Group);

        Span<TStored>(state, segment, item, cache, 0, 0, Math.Min(length, ElasticRule.SinkTokens));
        int oldest = cache.OldestInRing(length);
        if (oldest < length)
        {
            // Consecutive positions stand in consecutive slots up to the end of the ring, then from its start.
            int slot = cache.Slot(oldest);
            int upToEnd = Math.Min(cache.Rows - slot, length - oldest);
            Span<TStored>(state, segment, item, cache, oldest, slot, upToEnd);
            Span<TStored>(state, segment, item, cache, oldest + upToEnd, ElasticRule.SinkTokens, length - oldest - upToEnd);
        }

        for (int head = 0; head < _inputs.Group; head++)
        {
            float* from = state.Outputs + (nint)head * _inputs.HeadSize;
            float* to = _inputs.Output(segment.FirstRow, item.KeyValueHead * _inputs.Group + head);
            OnlineSoftmax<TSimd, TVector>.Scale(from, _inputs.HeadSize, 1f / state.Sums[head]);
            Buffer.MemoryCopy(from, to, _inputs.HeadSize * 4, _inputs.HeadSize * 4);
        }
    }

    // Attends to `count` rows from `slot` on, which hold the positions from `position` on.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Span<TStored>(
        in State state, in AttentionSegment segment, in AttentionItem item, HeadCache cache, int position, int slot, int count)
        where TStored : IStored
    {
        LayerSpans spans = segment.Cache.Spans[_inputs.Layer];
        int length = segment.Cache.Length + 1;
        int size = _inputs.HeadSize;
        for (int done = 0; done < count; done += RowsPerBlock)
        {
            int rows = Math.Min(RowsPerBlock, count - done);
            for (int head = 0; head < _inputs.Group; head++)
            {
                int queryHead = item.KeyValueHead * _inputs.Group + head;
                // Rows before `first` are stored for another head of the group, or lie outside the model's window.
                long oldest = (long)length - spans.SlidingWindow;
                if (position >= ElasticRule.SinkTokens)
                    oldest = Math.Max(oldest, length - spans.VisibleRing[queryHead]);
                int first = (int)Math.Clamp(oldest - position - done, 0, rows);
                if (first == rows)
                    continue;
                int visible = rows - first;
                nint offset = (nint)(slot + done + first) * cache.BytesPerRow;
                Score<TStored>(_inputs.Query(segment.FirstRow, queryHead), cache.Keys + offset, visible, state.Scores);
                float* output = state.Outputs + (nint)head * size;
                float correction = OnlineSoftmax<TSimd, TVector>.Update(
                    state.Scores, visible, _inputs.Scale, ref state.Maxima[head], ref state.Sums[head]);
                if (correction != 1f)
                    OnlineSoftmax<TSimd, TVector>.Scale(output, size, correction);
                AddWeighted<TStored>(state.Scores, cache.Values + offset, visible, output);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Score<TStored>(float* query, byte* keys, int rows, float* scores)
        where TStored : IStored
    {
        int size = _inputs.HeadSize;
        int bytes = TSimd.Width * TStored.Size;
        for (nint row = 0; row < rows; row++, keys += (nint)size * TStored.Size)
        {
            TVector s0 = TSimd.Zero, s1 = TSimd.Zero;
            nint d = 0;
            for (; d <= size - 2 * TSimd.Width; d += 2 * TSimd.Width)
            {
                byte* key = keys + d * TStored.Size;
                s0 = TSimd.MultiplyAdd(TStored.Load<TSimd, TVector>(key), TSimd.Load(query + d), s0);
                s1 = TSimd.MultiplyAdd(TStored.Load<TSimd, TVector>(key + bytes), TSimd.Load(query + d + TSimd.Width), s1);
            }

            for (; d <= size - TSimd.Width; d += TSimd.Width)
                s0 = TSimd.MultiplyAdd(TStored.Load<TSimd, TVector>(keys + d * TStored.Size), TSimd.Load(query + d), s0);
            float sum = TSimd.SumLanes(TSimd.Add(s0, s1));
            for (; d < size; d++)
                sum += TStored.Load<SimdScalar, float>(keys + d * TStored.Size) * query[d];
            scores[row] = sum;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void AddWeighted<TStored>(float* weights, byte* values, int rows, float* output)
        where TStored : IStored
    {
        int size = _inputs.HeadSize;
        nint stride = (nint)size * TStored.Size;
        int bytes = TSimd.Width * TStored.Size;
        nint d = 0;
        for (; d <= size - 4 * TSimd.Width; d += 4 * TSimd.Width)
        {
            byte* value = values + d * TStored.Size;
            TVector s0 = TSimd.Load(output + d), s1 = TSimd.Load(output + d + TSimd.Width);
            TVector s2 = TSimd.Load(output + d + 2 * TSimd.Width), s3 = TSimd.Load(output + d + 3 * TSimd.Width);
            for (int row = 0; row < rows; row++, value += stride)
            {
                TVector weight = TSimd.Broadcast(weights[row]);
                s0 = TSimd.MultiplyAdd(weight, TStored.Load<TSimd, TVector>(value), s0);
                s1 = TSimd.MultiplyAdd(weight, TStored.Load<TSimd, TVector>(value + bytes), s1);
                s2 = TSimd.MultiplyAdd(weight, TStored.Load<TSimd, TVector>(value + 2 * bytes), s2);
                s3 = TSimd.MultiplyAdd(weight, TStored.Load<TSimd, TVector>(value + 3 * bytes), s3);
            }

            TSimd.Store(output + d, s0);
            TSimd.Store(output + d + TSimd.Width, s1);
            TSimd.Store(output + d + 2 * TSimd.Width, s2);
            TSimd.Store(output + d + 3 * TSimd.Width, s3);
        }

        for (; d <= size - TSimd.Width; d += TSimd.Width)
        {
            byte* value = values + d * TStored.Size;
            TVector sum = TSimd.Load(output + d);
            for (int row = 0; row < rows; row++, value += stride)
                sum = TSimd.MultiplyAdd(TSimd.Broadcast(weights[row]), TStored.Load<TSimd, TVector>(value), sum);
            TSimd.Store(output + d, sum);
        }

        for (; d < size; d++)
        {
            byte* value = values + d * TStored.Size;
            float sum = output[d];
            for (int row = 0; row < rows; row++, value += stride)
                sum += weights[row] * TStored.Load<SimdScalar, float>(value);
            output[d] = sum;
        }
    }

    /// <summary>One worker's memory for an item.</summary>
    private readonly struct State
    {
        public State(WorkerScratch scratch, int worker, int headSize, int group)
        {
            Scores = scratch.Floats(worker, RowsPerBlock + group * (headSize + 2));
            Outputs = Scores + RowsPerBlock;
            Maxima = Outputs + (nint)group * headSize;
            Sums = Maxima + group;
            new Span<float>(Outputs, group * headSize).Clear();
            new Span<float>(Maxima, group).Fill(float.NegativeInfinity);
            new Span<float>(Sums, group).Clear();
        }

        public float* Scores { get; }

        public float* Outputs { get; }

        public float* Maxima { get; }

        public float* Sums { get; }
    }
}
