using System.Runtime.CompilerServices;
using MoA.Engine.Attention;
using MoA.Engine.Attention.Prefill;
using MoA.Engine.Numerics;
using MoA.Engine.Parallelism;

namespace MoA.Engine.Kernels.Sparse;

/// <summary>
/// Attention of prompt rows to the keys that were chosen for them (<see cref="KeyRanges"/>): keys are gathered as they come, 64 at a time,
/// widened, and met by all rows of a query head within a block of 64 positions. What was not chosen costs nothing.
/// </summary>
internal readonly unsafe struct SparseAttention<TSimd, TVector> : IParallelJob
    where TSimd : ISimd<TVector>
    where TVector : struct
{
    private const int Block = ElasticRule.BlockSize;

    private readonly WorkerScratch _scratch;
    private readonly AttentionInputs _inputs;
    private readonly AttentionWork _work;

    /// <summary>Describes the attention of the pieces for which keys were chosen in the layer.</summary>
    public SparseAttention(WorkerScratch scratch, AttentionInputs inputs, AttentionWork work)
    {
        _scratch = scratch;
        _inputs = inputs;
        _work = work;
    }

    /// <inheritdoc/>
    [MethodImpl(JitOptions.Loop)]
    public void Run(int index, int worker)
    {
        SparseItem item = _work.Sparse.Items[index];
        SparsePiece piece = _work.Sparse.Pieces[item.Piece];
        AttentionSegment segment = _work.Segments[piece.Segment];
        KeyRanges ranges = _work.Sparse.RangesOf(item.Piece, item.Head);
        SegmentRows<TSimd, TVector> keys = new(_inputs, segment, item.Head / _inputs.Group);
        (int first, int end) = ranges.RowsOf(ranges.FirstBlock + item.Block);
        PrefillTile<TSimd, TVector> tile = new(_scratch, worker, _inputs.HeadSize, 1, end - first);
        LayOut(tile, segment.FirstRow + first - keys.Start, end - first, item.Head);
        int* positions = stackalloc int[Block];
        int count = 0;
        foreach (KeyRange range in ranges.Of(item.Block))
        {
            for (int position = range.First, rows; position < range.End; position += rows)
            {
                rows = Math.Min(range.End - position, Block - count);
                for (int i = 0; i < rows; i++)
                    positions[count + i] = position + i;
                count += rows;
                if (count < Block)
                    continue;
                keys.Gather(positions, count, tile.Keys, tile.Values, tile.Stride);
                Attend(tile, positions, count, first, end, ranges);
                count = 0;
            }
        }

        if (count > 0)
        {
            keys.Gather(positions, count, tile.Keys, tile.Values, tile.Stride);
            Attend(tile, positions, count, first, end, ranges);
        }

        for (int i = 0; i < tile.PanelCount; i++)
            WriteOutputs(tile, i, segment.FirstRow + first - keys.Start, end - first, item.Head);
    }

    private static int RowsOf(int panel, int rows) =>
        Math.Min(PrefillTile<TSimd, TVector>.Lanes, rows - panel * PrefillTile<TSimd, TVector>.Lanes);

    [MethodImpl(JitOptions.Loop)]
    private void LayOut(in PrefillTile<TSimd, TVector> tile, int firstRow, int rows, int head)
    {
        int size = _inputs.HeadSize, lanes = PrefillTile<TSimd, TVector>.Lanes;
        (float maximum, float sum) = _inputs.StartOf(head);
        new Span<float>(tile.Maxima, rows).Fill(maximum);
        new Span<float>(tile.Sums, rows).Fill(sum);
        for (int panel = 0; panel < tile.PanelCount; panel++)
        {
            Transposition.Run(
                _inputs.Query(firstRow + panel * lanes, head), (nint)_inputs.QueryHeads * size, tile.Queries + panel * tile.PanelFloats,
                tile.LanesOf(panel), RowsOf(panel, rows), size, _inputs.QueryFactor);
        }
    }

    [MethodImpl(JitOptions.Loop)]
    private void Attend(in PrefillTile<TSimd, TVector> tile, int* positions, int count, int first, int end, KeyRanges ranges)
    {
        for (int i = 0; i < tile.PanelCount; i++)
        {
            int row = first + i * PrefillTile<TSimd, TVector>.Lanes, rows = RowsOf(i, end - first);
            if (tile.LanesOf(i) == TSimd.Width)
                AttendPanel<OneVector>(tile, i, positions, count, row, rows, ranges);
            else
                AttendPanel<TwoVectors>(tile, i, positions, count, row, rows, ranges);
        }
    }

    [MethodImpl(JitOptions.Loop)]
    private void AttendPanel<TWidth>(
        in PrefillTile<TSimd, TVector> tile, int index, int* positions, int count, int row, int rows, KeyRanges ranges)
        where TWidth : struct, IPanelWidth
    {
        int size = _inputs.HeadSize, lanes = PrefillPanel<TSimd, TVector, TWidth>.Queries;
        // Keys come in ascending order: those behind a panel's last row are no one's.
        while (count > 0 && positions[count - 1] >= row + rows)
            count--;
        if (count == 0)
            return;
        PrefillPanel<TSimd, TVector, TWidth>.Score(tile.Keys, tile.Stride, count, size, tile.Queries + index * tile.PanelFloats, tile.Scores);
        if (_inputs.CapFactor > 0)
            OnlineSoftmax<TSimd, TVector>.Cap(tile.Scores, count * lanes, _inputs.CapFactor);
        if (positions[count - 1] > row)
            HideFuture(tile.Scores, lanes, positions, count, row, rows);
        if (ranges.Stream is StreamPattern stream && (positions[0] < row + rows - stream.Local))
            HidePast(tile.Scores, lanes, positions, count, row, Math.Min(rows, ranges.TailStart - row), stream);
        if (ranges.View.Block < Block && !ranges.View.IsWhole(row + rows - 1))
            HideBefore(tile.Scores, lanes, positions, count, row, rows, ranges.View);
        PrefillPanel<TSimd, TVector, TWidth>.Softmax(tile.Scores, count, tile.MaximaOf(index), tile.SumsOf(index), tile.Corrections);
        PrefillPanel<TSimd, TVector, TWidth>.AddWeighted(
            tile.Values, tile.Stride, count, size, tile.Scores, tile.Corrections, tile.Outputs + index * tile.PanelFloats, null, 0);
    }

    private static void HideFuture(float* scores, int lanes, int* positions, int count, int row, int rows)
    {
        for (int key = count - 1; key >= 0 && positions[key] > row; key--)
            new Span<float>(scores + key * lanes, Math.Min(rows, positions[key] - row)).Fill(float.NegativeInfinity);
    }

    // Of the rows before the tail: what lies before a row's window and is not among the first keys.
    private static void HidePast(float* scores, int lanes, int* positions, int count, int row, int rows, StreamPattern stream)
    {
        for (int key = 0; key < count; key++)
        {
            // Rows from position + Local on have it behind their windows.
            int within = Math.Clamp(positions[key] + stream.Local - row, 0, Math.Max(0, rows));
            if (positions[key] >= stream.Initial && within < rows)
                new Span<float>(scores + key * lanes + within, rows - within).Fill(float.NegativeInfinity);
        }
    }

    // Where spans are counted in smaller blocks than these: what lies before a row's own.
    private static void HideBefore(float* scores, int lanes, int* positions, int count, int row, int rows, in KeyView view)
    {
        for (int key = 0; key < count; key++)
        {
            for (int i = rows - 1; i >= 0 && positions[key] >= view.Sink && positions[key] < view.RingStart(row + i); i--)
                scores[key * lanes + i] = float.NegativeInfinity;
        }
    }

    [MethodImpl(JitOptions.Loop)]
    private void WriteOutputs(in PrefillTile<TSimd, TVector> tile, int index, int firstRow, int rows, int head)
    {
        int size = _inputs.HeadSize;
        tile.Normalize(index, size);
        Transposition.Run(
            tile.Outputs + index * tile.PanelFloats, tile.LanesOf(index), _inputs.Output(firstRow + index * PrefillTile<TSimd, TVector>.Lanes, head), (nint)_inputs.QueryHeads * size, size,
            RowsOf(index, rows), 1f);
    }
}
