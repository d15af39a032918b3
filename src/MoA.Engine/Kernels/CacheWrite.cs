using MoA.Engine.KvCache;
using MoA.Engine.Numerics;
using MoA.Engine.Parallelism;

namespace MoA.Engine.Kernels;

/// <summary>
/// Stores the new keys and values of prompt pieces. Of a long chunk only the rows that will stay are written: the sink and
/// the last ring's worth.
/// </summary>
internal readonly unsafe struct CacheWrite<TSimd, TVector> : IParallelJob
    where TSimd : ISimd<TVector>
    where TVector : struct
{
    private readonly AttentionInputs _inputs;
    private readonly AttentionWork _work;

    public CacheWrite(AttentionInputs inputs, AttentionWork work)
    {
        _inputs = inputs;
        _work = work;
    }

    /// <inheritdoc/>
    public void Run(int index, int worker)
    {
        RowBlock block = _work.RowBlocks[index];
        AttentionSegment segment = _work.Segments[block.Segment];
        for (int i = block.FirstRow; i < block.FirstRow + block.Rows; i++)
        {
            int row = segment.FirstRow + i;
            for (int head = 0; head < _inputs.KeyValueHeads; head++)
            {
                HeadCache cache = segment.Cache.Head(_inputs.Layer, head);
                int start = segment.Cache.Start(_inputs.Layer, head), end = start + segment.Rows, position = start + i;
                if (position < cache.Layout.SinkRows || position >= end - cache.RingRows)
                    cache.Write<TSimd, TVector>(position, _inputs.Key(row, head), _inputs.Value(row, head));
            }
        }
    }
}
