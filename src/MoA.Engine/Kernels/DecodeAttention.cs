using System.Numerics;
using MoA.Engine.Attention;
using MoA.Engine.KvCache;
using MoA.Engine.Numerics;
using MoA.Engine.Parallelism;

namespace MoA.Engine.Kernels;

/// <summary>
/// Attention of one generated token per sequence over the rows that its KV head holds, all query heads of the group
/// together so that the rows are read from memory once. Visible: the sink, and the last ring rows (the query's own
/// included, which is stored here too). Bound by reading the rows. Long heads are read in pieces; whoever finishes the
/// last piece of a head merges them, in order.
/// </summary>
internal readonly unsafe struct DecodeAttention<TSimd, TVector> : IParallelJob
    where TSimd : ISimd<TVector>
    where TVector : struct
{
    // Scores, weights and half of the rows' numbers stay in the first cache from one use to the next.
    private const int RowsPerBlock = 64;

    // Tiles write scores of up to four rows more than asked for.
    private const int ScoreStride = RowsPerBlock + 4;

    private readonly WorkerScratch _scratch;
    private readonly AttentionInputs _inputs;
    private readonly AttentionWork _work;
    private readonly float* _partials;

    /// <summary>Describes the attention of a layer's pieces, <c>work.Decode</c>.</summary>
    /// <param name="scratch">Memory of the workers.</param>
    /// <param name="inputs">Tensors of the layer.</param>
    /// <param name="work">The batch, its decode schedule prepared for the layer.</param>
    /// <param name="partials"><see cref="PartialFloats"/> for the pieces of long heads.</param>
    public DecodeAttention(WorkerScratch scratch, AttentionInputs inputs, AttentionWork work, float* partials)
    {
        _scratch = scratch;
        _inputs = inputs;
        _work = work;
        _partials = partials;
    }

    /// <summary>Floats in which the pieces of a schedule leave their partial results.</summary>
    public static int PartialFloats(AttentionWork work) =>
        work.Decode.Count * PartialSize(work.QueryHeads / work.KeyValueHeads, work.HeadSize);

    /// <inheritdoc/>
    public void Run(int index, int worker)
    {
        DecodePiece piece = _work.Decode.Pieces[index];
        AttentionItem item = _work.DecodeItems[piece.Item];
        AttentionSegment segment = _work.Segments[item.Segment];
        HeldRows rows = new(segment, _inputs.Layer, item.KeyValueHead, _inputs.Group);
        // Only this piece reads the token's own row, and nobody sees the one that it replaces.
        if (piece.FirstRow + piece.Rows == rows.Count)
        {
            rows.Cache.Write<TSimd, TVector>(
                segment.Cache.Length,
                _inputs.Key(segment.FirstRow, item.KeyValueHead),
                _inputs.Value(segment.FirstRow, item.KeyValueHead));
        }

        State state = new(_scratch, worker, _inputs.HeadSize, _inputs.Group);
        int size = _inputs.HeadSize;
        if (size % (2 * TSimd.Width) != 0)
            Run(new WidenedTile<SimdScalar, float>(rows.Cache.Type, state.Queries, state.Widened, size, ScoreStride), index, segment, item, rows, state);
        else if (rows.Cache.Type == ElementType.F32)
            Run(new DecodeTile<TSimd, TVector, RowPairsF32>(state.Queries, size, ScoreStride), index, segment, item, rows, state);
        else if (rows.Cache.Type == ElementType.BF16)
            Run(new DecodeTile<TSimd, TVector, RowPairsBF16>(state.Queries, size, ScoreStride), index, segment, item, rows, state);
        else
            Run(new WidenedTile<TSimd, TVector>(rows.Cache.Type, state.Queries, state.Widened, size, ScoreStride), index, segment, item, rows, state);
    }

    private void Run<TTile>(
        TTile tile, int index, in AttentionSegment segment, in AttentionItem item, in HeldRows rows, in State state)
        where TTile : struct, IDecodeTile
    {
        DecodePiece piece = _work.Decode.Pieces[index];
        Attend(tile, piece, segment, item, rows, state);
        if (piece.Pieces > 1)
        {
            state.Save(Partial(index));
            if (!_work.Decode.Finish(piece))
                return;
            Merge(piece, state);
        }

        for (int head = 0; head < _inputs.Group; head++)
        {
            tile.WriteOutput(
                state.Outputs + (nint)head * _inputs.HeadSize,
                _inputs.Output(segment.FirstRow, item.KeyValueHead * _inputs.Group + head), 1f / state.Sums[head]);
        }
    }

    private static int PartialSize(int group, int headSize) => StateFloats(group) + group * headSize;

    // Maxima and sums of the heads, filled up so that the outputs behind them are aligned.
    private static int StateFloats(int group) => (2 * group + 15) / 16 * 16;

    private float* Partial(int piece) => _partials + (nint)piece * PartialSize(_inputs.Group, _inputs.HeadSize);

    private void Attend<TTile>(
        TTile tile, in DecodePiece piece, in AttentionSegment segment, in AttentionItem item, in HeldRows rows, in State state)
        where TTile : struct, IDecodeTile
    {
        int group = _inputs.Group;
        for (int head = 0; head < group; head++)
        {
            float* query = _inputs.Query(segment.FirstRow, item.KeyValueHead * group + head);
            tile.SetQuery(head, query, _inputs.Scale * OnlineSoftmax<TSimd, TVector>.Log2E);
        }

        int end = piece.FirstRow + piece.Rows;
        for (int row = piece.FirstRow; row < end;)
        {
            int count = Math.Min(Math.Min(rows.Consecutive(row), end - row), RowsPerBlock);
            AttendBlock(tile, segment, item, rows, row, count, state);
            row += count;
        }
    }

    // Attends to `count` rows that stand one behind the other in memory.
    private void AttendBlock<TTile>(
        TTile tile, in AttentionSegment segment, in AttentionItem item, in HeldRows rows, int row, int count, in State state)
        where TTile : struct, IDecodeTile
    {
        HeadCache cache = rows.Cache;
        int position = rows.Position(row);
        int group = _inputs.Group;
        nint offset = (nint)cache.Slot(position) * cache.BytesPerRow;
        byte* keys = cache.Keys + offset, values = cache.Values + offset;
        nint bytes = (nint)count * cache.BytesPerRow;
        int tiles = (group + 3) / 4;
        int share = BitOperations.Log2((uint)tiles);
        // While the keys are scored, their values are on their way; while these are added, the next block's keys.
        for (int head = 0; head < group; head += TileHeads(group - head))
        {
            Prefetch next = new((nint)values + (bytes >> share) * (head / 4), share);
            tile.Score(head, TileHeads(group - head), keys, count, state.Scores + (nint)head * ScoreStride, next);
        }

        // Heads that keep fewer rows than their KV head stores do not see the first of them.
        int[] rings = segment.Cache.Spans[_inputs.Layer].VisibleRing;
        for (int head = 0; head < group; head++)
        {
            int hidden = position < ElasticRule.SinkTokens
                ? 0
                : Math.Clamp(segment.Cache.Length + 1 - rings[item.KeyValueHead * group + head] - position, 0, count);
            float* scores = state.Scores + (nint)head * ScoreStride;
            new Span<float>(scores, hidden).Clear();
            if (hidden == count)
                continue;
            float correction = OnlineSoftmax<TSimd, TVector>.Update(
                scores + hidden, count - hidden, ref state.Maxima[head], ref state.Sums[head]);
            if (correction != 1f)
            {
                OnlineSoftmax<TSimd, TVector>.Scale(
                    state.Outputs + (nint)head * _inputs.HeadSize, _inputs.HeadSize, correction);
            }
        }

        for (int head = 0; head < group; head += TileHeads(group - head))
        {
            Prefetch next = new((nint)keys + bytes + (bytes >> share) * (head / 4), share);
            tile.AddWeighted(
                head, TileHeads(group - head), state.Scores + (nint)head * ScoreStride, values, count,
                state.Outputs + (nint)head * _inputs.HeadSize, next);
        }
    }

    // Three heads go as four, the last of them with a query and weights of zero.
    private static int TileHeads(int left) => left >= 3 ? 4 : left;

    private void Merge(in DecodePiece piece, in State state)
    {
        int group = _inputs.Group, size = _inputs.HeadSize;
        state.Load(Partial(piece.FirstPiece));
        for (int other = 1; other < piece.Pieces; other++)
        {
            float* maxima = Partial(piece.FirstPiece + other);
            float* outputs = maxima + StateFloats(group);
            for (int head = 0; head < group; head++)
            {
                float maximum = MathF.Max(state.Maxima[head], maxima[head]);
                float ours = OnlineSoftmax<SimdScalar, float>.Exp2(state.Maxima[head] - maximum);
                float theirs = OnlineSoftmax<SimdScalar, float>.Exp2(maxima[head] - maximum);
                state.Maxima[head] = maximum;
                state.Sums[head] = state.Sums[head] * ours + maxima[group + head] * theirs;
                float* sum = state.Outputs + (nint)head * size;
                OnlineSoftmax<TSimd, TVector>.Scale(sum, size, ours);
                OnlineSoftmax<TSimd, TVector>.AddScaled(outputs + (nint)head * size, sum, size, theirs);
            }
        }
    }

    /// <summary>One worker's memory for a piece.</summary>
    private readonly struct State
    {
        private readonly int _floats;

        public State(WorkerScratch scratch, int worker, int headSize, int group)
        {
            _floats = PartialSize(group, headSize);
            int rows = (group + 1) * headSize;
            // What a piece leaves behind comes first: maxima, sums and outputs of the heads.
            Maxima = scratch.Floats(worker, StateFloats(group) + 2 * rows + RowsPerBlock * headSize + (group + 1) * ScoreStride);
            Sums = Maxima + group;
            Outputs = Maxima + StateFloats(group);
            Queries = Outputs + rows;
            Widened = Queries + rows;
            Scores = Widened + RowsPerBlock * headSize;
            new Span<float>(Maxima, group).Fill(OnlineSoftmax<TSimd, TVector>.Lowest);
            new Span<float>(Sums, group).Clear();
            new Span<float>(Outputs, 2 * rows).Clear();
        }

        public float* Outputs { get; }

        public float* Maxima { get; }

        public float* Sums { get; }

        public float* Queries { get; }

        public float* Widened { get; }

        public float* Scores { get; }

        public void Save(float* partial) => Buffer.MemoryCopy(Maxima, partial, _floats * 4L, _floats * 4L);

        public void Load(float* partial) => Buffer.MemoryCopy(partial, Maxima, _floats * 4L, _floats * 4L);
    }
}
