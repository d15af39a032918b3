using MoA.Engine.Attention;
using MoA.Engine.KvCache;
using MoA.Engine.Numerics;
using MoA.Engine.Parallelism;

namespace MoA.Engine.Kernels;

/// <summary>
/// Stores the new keys and values of prompt pieces. Of a long chunk only the rows that will stay are written: the sink and
/// the last ring's worth. Works on the items of prefill attention.
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
        AttentionItem item = _work.PrefillItems[index];
        AttentionSegment segment = _work.Segments[item.Segment];
        HeadCache cache = segment.Cache.Head(_inputs.Layer, item.KeyValueHead);
        int start = segment.Cache.Length;
        int firstStaying = start + segment.Rows - cache.RingRows;
        for (int i = item.FirstRow; i < item.FirstRow + item.Rows; i++)
        {
            int position = start + i;
            if (position < ElasticRule.SinkTokens || position >= firstStaying)
            {
                int row = segment.FirstRow + i;
                cache.Write<TSimd, TVector>(
                    position, _inputs.Key(row, item.KeyValueHead), _inputs.Value(row, item.KeyValueHead));
            }
        }
    }
}
