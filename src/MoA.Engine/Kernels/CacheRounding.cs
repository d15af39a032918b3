using MoA.Engine.KvCache;
using MoA.Engine.Numerics;
using MoA.Engine.Parallelism;

namespace MoA.Engine.Kernels;

/// <summary>
/// Rounds the new keys and values of prompt pieces to their cache's format: a row must count the same whether it is read
/// from the chunk that it came with or from the cache later, so that results do not depend on how a prompt was cut into
/// chunks.
/// </summary>
internal readonly unsafe struct CacheRounding<TSimd, TVector> : IParallelJob
    where TSimd : ISimd<TVector>
    where TVector : struct
{
    private readonly AttentionInputs _inputs;
    private readonly AttentionWork _work;

    public CacheRounding(AttentionInputs inputs, AttentionWork work)
    {
        _inputs = inputs;
        _work = work;
    }

    /// <inheritdoc/>
    public void Run(int index, int worker)
    {
        RowBlock block = _work.RowBlocks[index];
        AttentionSegment segment = _work.Segments[block.Segment];
        int row = segment.FirstRow + block.FirstRow;
        int count = block.Rows * _inputs.KeyValueHeads * _inputs.HeadSize;
        RowFormat<TSimd, TVector>.Round(_inputs.Key(row, 0), segment.Cache.Type, count);
        RowFormat<TSimd, TVector>.Round(_inputs.Value(row, 0), segment.Cache.Type, count);
    }
}
