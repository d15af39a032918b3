using System.Numerics;
using MoA.Engine.Attention;
using MoA.Engine.KvCache;
using MoA.Engine.Numerics;
using MoA.Engine.Parallelism;

namespace MoA.Engine.Kernels;

/// <summary>
/// Attention of one generated token of each sequence over the rows that its KV head holds, all query heads of the group
/// together so that the rows are read from memory once. Visible: the sink, and the last ring rows (the query's own
/// included, which is stored here too). Bound by reading the rows. Long heads are read in pieces; whoever finishes the
/// last piece of a head merges them, in order.
/// </summary>
internal readonly unsafe struct DecodeAttention<TSimd, TVector> : IParallelJob
    where TSimd : ISimd<TVector>
    where TVector : struct
{
    private const int RowsPerBlock = DecodeBlock.Rows;

    // Heads of the largest tile.
    private const int TileLanes = 8;

    private readonly WorkerScratch _scratch;
    private readonly AttentionInputs _inputs;
    private readonly AttentionWork _work;
    private readonly float* _partials;
    private readonly int _threads;

    /// <summary>Describes the attention of a layer's tasks, <c>work.Decode</c>.</summary>
    /// <param name="scratch">Memory of the workers.</param>
    /// <param name="inputs">Tensors of the layer.</param>
    /// <param name="work">The batch, its decode schedule prepared for the layer.</param>
    /// <param name="partials"><see cref="PartialFloats"/> for the pieces of long heads.</param>
    /// <param name="threads">Threads that share the pieces; no result depends on it.</param>
    public DecodeAttention(WorkerScratch scratch, AttentionInputs inputs, AttentionWork work, float* partials, int threads)
    {
        _threads = threads;
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
        DecodeTask task = _work.Decode.Tasks[index];
        for (int i = 0, piece = task.First; i < task.Count; i++, piece += task.Stride)
            RunPiece(piece, i + 1 < task.Count ? FirstKeys(piece + task.Stride) : FirstKeysOfTask(index + _threads), worker);
    }

    private void RunPiece(int index, byte* following, int worker)
    {
        DecodePiece piece = _work.Decode.Pieces[index];
        AttentionItem item = _work.DecodeItems[piece.Item];
        AttentionSegment segment = _work.Segments[item.Segment];
        HeldRows rows = new(segment, item, _inputs.Layer, _inputs.Group);
        // Only this piece reads the token's own row, and nobody sees the one that it replaces.
        if (piece.FirstRow + piece.Rows == rows.Count)
        {
            int row = segment.FirstRow + item.FirstRow, position = segment.Cache.Start(_inputs.Layer, item.KeyValueHead) + item.FirstRow;
            if (item.FirstRow > 0)
                rows.Cache.PutAside(position, item.FirstRow - 1);
            rows.Cache.Write<TSimd, TVector>(position, _inputs.Key(row, item.KeyValueHead), _inputs.Value(row, item.KeyValueHead));
        }

        State state = new(_scratch, worker, _inputs.HeadSize, _inputs.Group);
        if (_inputs.HeadSize % DecodeTile<TSimd, TVector, RowPairsF32>.Columns == 0)
            Run<TSimd, TVector>(index, following, segment, item, rows, state);
        else
            Run<SimdScalar, float>(index, following, segment, item, rows, state);
    }

    private void Run<TTileSimd, TTileVector>(
        int index, byte* following, in AttentionSegment segment, in AttentionItem item, in HeldRows rows, in State state)
        where TTileSimd : ISimd<TTileVector>
        where TTileVector : struct
    {
        float* queries = state.Queries, scratch = state.Tile;
        int size = _inputs.HeadSize;
        switch (rows.Cache.Type)
        {
            case ElementType.F32:
                Run(
                    new DecodeTile<TTileSimd, TTileVector, RowPairsF32>(queries, scratch, size), index, following, segment,
                    item, rows, state);
                break;
            case ElementType.BF16:
                Run(
                    new DecodeTile<TTileSimd, TTileVector, RowPairsBF16>(queries, scratch, size), index, following, segment,
                    item, rows, state);
                break;
            case ElementType.Q8_0 when TTileSimd.Width == 1:
                Run(
                    new DecodeTile<TTileSimd, TTileVector, RowPairsQ8>(queries, scratch, size), index, following, segment,
                    item, rows, state);
                break;
            case ElementType.Q8_0:
                Run(
                    new DecodeTileQ8<TTileSimd, TTileVector>(queries, scratch, PaddedHeads(_inputs.Group), size), index,
                    following, segment, item, rows, state);
                break;
            default:
                throw ElementFormat.Unknown(rows.Cache.Type);
        }
    }

    private void Run<TTile>(
        TTile tile, int index, byte* following, in AttentionSegment segment, in AttentionItem item, in HeldRows rows, in State state)
        where TTile : struct, IDecodeTile
    {
        DecodePiece piece = _work.Decode.Pieces[index];
        Attend(tile, piece, segment, item, rows, following, state);
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
                _inputs.Output(segment.FirstRow + item.FirstRow, item.KeyValueHead * _inputs.Group + head), 1f / state.Sums[head]);
        }
    }

    private static int PartialSize(int group, int headSize) => StateFloats(group) + group * headSize;

    // Maxima and sums of the heads, filled up so that the outputs behind them are aligned.
    private static int StateFloats(int group) => (2 * PaddedHeads(group) + 15) / 16 * 16;

    private float* Partial(int piece) => _partials + (nint)piece * PartialSize(_inputs.Group, _inputs.HeadSize);

    // Where a task begins: most likely the one that this thread turns to after as many as there are threads.
    private byte* FirstKeysOfTask(int index) => index < _work.Decode.TaskCount ? FirstKeys(_work.Decode.Tasks[index].First) : null;

    private byte* FirstKeys(int index)
    {
        DecodePiece piece = _work.Decode.Pieces[index];
        AttentionItem item = _work.DecodeItems[piece.Item];
        return Keys(new HeldRows(_work.Segments[item.Segment], item, _inputs.Layer, _inputs.Group), piece.FirstRow);
    }

    private static byte* Keys(in HeldRows rows, int row)
    {
        HeadCache cache = rows.Cache;
        return cache.Keys + (nint)cache.Slot(rows.Position(row)) * cache.BytesPerRow;
    }

    private void Attend<TTile>(
        TTile tile, in DecodePiece piece, in AttentionSegment segment, in AttentionItem item, in HeldRows rows, byte* nextPiece,
        in State state)
        where TTile : struct, IDecodeTile
    {
        int group = _inputs.Group;
        for (int head = 0; head < group; head++)
        {
            // A sink counts once: in the piece that has the first row.
            if (piece.FirstRow == 0)
                (state.Maxima[head], state.Sums[head]) = _inputs.StartOf(item.KeyValueHead * group + head);
            float* query = _inputs.Query(segment.FirstRow + item.FirstRow, item.KeyValueHead * group + head);
            tile.SetQuery(head, query, _inputs.QueryFactor);
        }

        int end = piece.FirstRow + piece.Rows;
        for (int row = piece.FirstRow; row < end;)
        {
            int count = Math.Min(Math.Min(rows.Consecutive(row), end - row), RowsPerBlock);
            byte* following = row + count < end ? Keys(rows, row + count) : nextPiece;
            AttendBlock(tile, segment, item, rows, row, count, following, state);
            row += count;
        }
    }

    // Attends to `count` rows that stand one behind the other in memory.
    private void AttendBlock<TTile>(
        TTile tile, in AttentionSegment segment, in AttentionItem item, in HeldRows rows, int row, int count, byte* following,
        in State state)
        where TTile : struct, IDecodeTile
    {
        HeadCache cache = rows.Cache;
        int position = rows.Position(row);
        int group = _inputs.Group;
        byte* keys = Keys(rows, row), values = cache.Values + (keys - cache.Keys);
        nint bytes = (nint)count * cache.BytesPerRow;
        int tiles = (group + TileLanes - 1) / TileLanes;
        int share = BitOperations.Log2((uint)tiles);
        // While the keys are scored, their values are on their way; while these are added, the following block's keys.
        for (int head = 0; head < group;)
        {
            int heads = TileHeads(group - head);
            Prefetch next = new((nint)values + (bytes >> share) * (head / TileLanes), share);
            tile.Score(head, heads, keys, count, state.Scores + (nint)head * RowsPerBlock, next);
            head += heads;
        }

        for (int head = 0; head < group;)
        {
            int heads = TileHeads(group - head);
            float* scores = state.Scores + (nint)head * RowsPerBlock;
            Weigh(segment, item, position, count, head, heads, scores, state);
            Prefetch next = new((nint)following + (bytes >> share) * (head / TileLanes), share);
            tile.AddWeighted(
                head, heads, scores, values, count, state.Outputs + (nint)head * _inputs.HeadSize, next);
            head += heads;
        }
    }

    // Turns the scores of some heads into weights and scales down what they have summed so far.
    private void Weigh(
        in AttentionSegment segment, in AttentionItem item, int position, int count, int head, int heads, float* scores,
        in State state)
    {
        float cap = _inputs.CapFactor;
        for (int i = 0; i < heads && cap > 0; i++)
            OnlineSoftmax<TSimd, TVector>.Cap(scores + i * RowsPerBlock, count, cap);
        // Heads that keep fewer rows than their KV head stores do not see the first of them.
        (int[] rings, int sink) = (segment.Cache.Spans[_inputs.Layer].VisibleRing, segment.Cache.Head(_inputs.Layer, item.KeyValueHead).Layout.Sink);
        int group = _inputs.Group;
        int length = segment.Cache.Start(_inputs.Layer, item.KeyValueHead) + item.FirstRow + 1;
        for (int i = 0; i < heads && head + i < group && position >= sink; i++)
        {
            int oldest = length - rings[item.KeyValueHead * group + head + i];
            for (int row = 0; row < Math.Min(oldest - position, count); row++)
                scores[i * RowsPerBlock + row] = float.NegativeInfinity;
        }

        DecodeSoftmax<TSimd, TVector>.Update(scores, heads, count, state.Maxima + head, state.Sums + head, state.Corrections);
        for (int i = 0; i < heads; i++)
        {
            if (state.Corrections[i] != 1f)
            {
                OnlineSoftmax<TSimd, TVector>.Scale(
                    state.Outputs + (nint)(head + i) * _inputs.HeadSize, _inputs.HeadSize, state.Corrections[i]);
            }
        }
    }

    // Of the heads that are left, those of the next tile. A tile may have more heads than there are: their queries are
    // zero, and nothing of them is written.
    private static int TileHeads(int left) => left switch
    {
        >= 6 => 8,
        >= 3 => 4,
        _ => left,
    };

    private static int PaddedHeads(int group)
    {
        int padded = 0;
        while (padded < group)
            padded += TileHeads(group - padded);
        return padded;
    }

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
                state.Sums[head] = state.Sums[head] * ours + maxima[PaddedHeads(group) + head] * theirs;
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
            int padded = PaddedHeads(group), outputs = padded * headSize;
            // What a piece leaves behind comes first: maxima, sums and outputs of the heads.
            Maxima = scratch.Floats(
                worker, StateFloats(group) + 2 * outputs + DecodeBlock.Floats(headSize) + padded * RowsPerBlock + TileLanes);
            Sums = Maxima + padded;
            Outputs = Maxima + StateFloats(group);
            Queries = Outputs + outputs;
            Tile = Queries + outputs;
            Scores = Tile + DecodeBlock.Floats(headSize);
            Corrections = Scores + padded * RowsPerBlock;
            new Span<float>(Maxima, padded).Fill(OnlineSoftmax<TSimd, TVector>.Lowest);
            new Span<float>(Sums, padded).Clear();
            new Span<float>(Outputs, 2 * outputs).Clear();
        }

        public float* Outputs { get; }

        public float* Maxima { get; }

        public float* Sums { get; }

        public float* Queries { get; }

        public float* Scores { get; }

        public float* Corrections { get; }

        public float* Tile { get; }

        public void Save(float* partial) => Buffer.MemoryCopy(Maxima, partial, _floats * 4L, _floats * 4L);

        public void Load(float* partial) => Buffer.MemoryCopy(partial, Maxima, _floats * 4L, _floats * 4L);
    }
}
