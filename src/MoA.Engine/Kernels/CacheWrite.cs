using System.Runtime.CompilerServices;
using MoA.Engine.Attention;
using MoA.Engine.KvCache;
using MoA.Engine.Numerics;
using MoA.Engine.Parallelism;

namespace MoA.Engine.Kernels;

/// <summary>
/// Stores the new keys and values of all segments of one mode. Of a long chunk only the rows that will stay are written:
/// the sink and the last ring's worth. Items are segments × KV heads.
/// </summary>
internal readonly unsafe struct CacheWrite<TSimd, TVector> : IParallelJob
    where TSimd : ISimd<TVector>
    where TVector : struct
{
    private readonly AttentionInputs _inputs;
    private readonly AttentionSegment[] _segments;
    private readonly AttentionMode _mode;

    public CacheWrite(AttentionInputs inputs, AttentionSegment[] segments, AttentionMode mode)
    {
        _inputs = inputs;
        _segments = segments;
        _mode = mode;
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(int index, int worker)
    {
        AttentionSegment segment = _segments[index / _inputs.KeyValueHeads];
        int head = index % _inputs.KeyValueHeads;
        if (segment.Mode != _mode)
            return;
        HeadCache cache = segment.Cache.Head(_inputs.Layer, head);
        int start = segment.Cache.Length;
        int firstStaying = start + segment.Rows - cache.RingRows;
        for (int i = 0; i < segment.Rows; i++)
        {
            int position = start + i;
            if (position < ElasticRule.SinkTokens || position >= firstStaying)
            {
                int row = segment.FirstRow + i;
                cache.Write<TSimd, TVector>(position, _inputs.Key(row, head), _inputs.Value(row, head));
            }
        }
    }
}
