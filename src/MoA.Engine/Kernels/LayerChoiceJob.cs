using MoA.Engine.Attention;
using MoA.Engine.KvCache;
using MoA.Engine.Numerics;
using MoA.Engine.Parallelism;

namespace MoA.Engine.Kernels;

/// <summary>
/// Before a generated token attends, what a whole layer decides for each sequence: <see cref="EvictionPolicy"/> which rows stay, and
/// <see cref="InfLlmPolicy"/> which blocks outside its local window are read, those whose representative keys have the largest products with the queries, summed over the
/// heads of the layer.
/// </summary>
internal readonly unsafe struct LayerChoiceJob<TSimd, TVector> : IParallelJob
    where TSimd : ISimd<TVector>
    where TVector : struct
{
    private const int Block = ElasticRule.BlockSize;

    private readonly WorkerScratch _scratch;
    private readonly AttentionInputs _inputs;
    private readonly AttentionWork _work;

    /// <summary>Describes the choice for a layer; one item for each segment.</summary>
    public LayerChoiceJob(WorkerScratch scratch, AttentionInputs inputs, AttentionWork work)
    {
        _scratch = scratch;
        _inputs = inputs;
        _work = work;
    }

    /// <inheritdoc/>
    public void Run(int index, int worker)
    {
        AttentionSegment segment = _work.Segments[index];
        if (segment.Mode != AttentionMode.Decode)
            return;
        if (segment.Cache.EvictionOf(_inputs.Layer) is EvictionPolicy policy)
            RowEviction.MakeRoom(segment.Cache, policy, _inputs.Layer);
        if (segment.Cache.Blocks(_inputs.Layer) is BlockMemory memory)
            Choose(segment, memory, worker);
    }

    private void Choose(in AttentionSegment segment, BlockMemory memory, int worker)
    {
        memory.Advance(segment.Cache.Length + 1);
        int blocks = memory.RecentStart / Block, size = _inputs.HeadSize;
        for (; memory.Represented < blocks; memory.Represented++)
            Represent(segment, memory, memory.Represented, worker);
        float* sums = _scratch.Floats(worker, _inputs.KeyValueHeads * size);
        SumQueries(segment, sums);
        for (int block = 1; block < blocks; block++)
        {
            fixed (float* keys = memory.Representative(block))
                memory.Scores[block] = Dot.Run<TSimd, TVector>(sums, keys, _inputs.KeyValueHeads * size);
        }

        memory.Choose();
    }

    // The mean of the keys that got most attention.
    private void Represent(in AttentionSegment segment, BlockMemory memory, int block, int worker)
    {
        int size = _inputs.HeadSize;
        float* key = _scratch.Floats(worker, size);
        Span<float> sums = memory.Representative(block);
        sums.Clear();
        Span<float> received = stackalloc float[Block];
        for (int head = 0; head < _inputs.KeyValueHeads; head++)
        {
            HeadCache cache = segment.Cache.Head(_inputs.Layer, head);
            memory.Received(head).Slice(block * Block, Block).CopyTo(received);
            for (int i = 0; i < memory.RepresentativeTokens; i++)
            {
                int most = 0;
                for (int row = 1; row < Block; row++)
                    most = received[row] > received[most] ? row : most;
                received[most] = float.NegativeInfinity;
                NumberFormat<TSimd, TVector>.Widen(
                    cache.Type, cache.Keys + (nint)(block * Block + most) * cache.BytesPerRow, key, size);
                for (int d = 0; d < size; d++)
                    sums[head * size + d] += key[d] / memory.RepresentativeTokens;
            }
        }
    }

    // The queries of each group added up.
    private void SumQueries(in AttentionSegment segment, float* sums)
    {
        int size = _inputs.HeadSize;
        new Span<float>(sums, _inputs.KeyValueHeads * size).Clear();
        for (int head = 0; head < _inputs.QueryHeads; head++)
        {
            OnlineSoftmax<TSimd, TVector>.AddScaled(
                _inputs.Query(segment.FirstRow, head), sums + head / _inputs.Group * size, size, 1);
        }
    }
}
