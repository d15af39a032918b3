using MoA.Engine.Attention;
using MoA.Engine.Attention.Prefill;
using MoA.Engine.KvCache;
using MoA.Engine.Numerics;
using MoA.Engine.Parallelism;

namespace MoA.Engine.Kernels.Sparse;

/// <summary>Chooses the keys that the rows of prompts see in one layer: an item is a piece and a query head.</summary>
internal readonly struct SparseSelection<TSimd, TVector> : IParallelJob
    where TSimd : ISimd<TVector>
    where TVector : struct
{
    private readonly WorkerScratch _scratch;
    private readonly AttentionInputs _inputs;
    private readonly AttentionWork _work;

    /// <summary>Describes the choices of the batch's pieces; keys are rounded to their caches' formats.</summary>
    public SparseSelection(WorkerScratch scratch, AttentionInputs inputs, AttentionWork work)
    {
        _scratch = scratch;
        _inputs = inputs;
        _work = work;
    }

    /// <inheritdoc/>
    public void Run(int index, int worker)
    {
        int number = index / _inputs.QueryHeads, head = index % _inputs.QueryHeads;
        SparsePiece piece = _work.Sparse.Pieces[number];
        AttentionSegment segment = _work.Segments[piece.Segment];
        HeadPattern pattern = _work.Sparse.PolicyOf(segment.Cache).PatternOf(_inputs.Layer, head);
        PieceQueries<TSimd, TVector> queries = new(_inputs, segment, piece, head);
        KeyRanges ranges = _work.Sparse.RangesOf(number, head);
        if (pattern is StreamPattern stream)
        {
            // Rows of the prompt behind this one, itself included, are fewer than the tail's from here on.
            int tail = queries.Keys.Start + segment.Rows + segment.ToCome - stream.Last;
            ranges.Begin(queries.Start, queries.Rows, queries.View, stream, stream.Last > 0 ? tail : int.MaxValue);
            LayOut(stream, ranges);
            return;
        }

        ranges.Begin(queries.Start, queries.Rows, queries.View);
        switch (pattern)
        {
            case VerticalSlashPattern columns:
                VerticalSlashChoice.Run(queries, columns, ranges, _scratch, worker);
                break;
            case PooledBlocksPattern blocks:
                PooledBlocksChoice.Run(queries, blocks, ranges, _scratch, worker);
                break;
            case CoveragePattern coverage:
                CoverageChoice.Run(queries, coverage, ranges, _scratch, worker);
                break;
            case AntidiagonalPattern antidiagonals:
                AntidiagonalChoice.Run(queries, antidiagonals, ranges, _scratch, worker);
                break;
        }
    }

    private static void LayOut(StreamPattern stream, KeyRanges ranges)
    {
        for ((int first, int end) = ranges.Rows; first < end; (first, end) = ranges.Rows)
        {
            if (end > ranges.TailStart)
            {
                ranges.AddAll();
            }
            else
            {
                ranges.Add(0, Math.Min(stream.Initial, end));
                ranges.Add(Math.Max(0, first - stream.Local + 1), end);
            }

            ranges.EndBlock();
        }
    }
}
