using MoA.Engine.Attention;
using MoA.Engine.Configuration;
using MoA.Engine.KvCache;
using MoA.Engine.Numerics;

namespace MoA.Engine.Kernels.Gradients;

/// <summary>
/// Attention of whole items through the forward pass's own kernels. These attend through a cache: one of a single layer, in F32 so
/// that nothing is rounded, serves all layers with the same window; under a plan each layer gets its own in turn. Its length stays 0, so that
/// every use starts anew.
/// </summary>
internal sealed class WholeAttention(ModelConfig config, int maxTokens, ComputeBackend backend) : IDisposable
{
    private readonly Dictionary<int, OneLayer> _byWindow = [];

    public void Attend(in AttentionShape shape, Tensor queries, Tensor keys, Tensor values, Tensor outputs)
    {
        if (shape.Spans is LayerSpans spans)
        {
            ElasticRule[] rules = [.. spans.VisibleRing.Select(ring => new ElasticRule(ring + spans.Block, 0) { Block = spans.Block })];
            using OneLayer planned = Make(shape.SlidingWindow, new PlanPolicy(new AttentionPlan([rules], HeadKind.Query)));
            Attend(planned, shape, queries, keys, values, outputs);
            return;
        }

        if (!_byWindow.TryGetValue(shape.SlidingWindow, out OneLayer? dense))
            _byWindow.Add(shape.SlidingWindow, dense = Make(shape.SlidingWindow, new DensePolicy()));
        Attend(dense, shape, queries, keys, values, outputs);
    }

    private OneLayer Make(int window, AttentionPolicy policy)
    {
        LayerDescription layer = config.LayerDescriptions[0] with { Window = window == int.MaxValue ? null : window };
        ModelConfig oneLayer = config with { LayerDescriptions = [layer] };
        return new OneLayer(new SequenceCache(oneLayer, policy, maxTokens, ElementType.F32, backend.CacheMemory), new AttentionWork(oneLayer));
    }

    private void Attend(OneLayer attention, in AttentionShape shape, Tensor queries, Tensor keys, Tensor values, Tensor outputs)
    {
        attention.Work.Clear();
        attention.Work.Add(attention.Cache, shape.Rows, AttentionMode.Prefill);
        backend.Prepare(attention.Work);
        backend.Attend(attention.Work, 0, queries, keys, values, outputs, shape.Traits);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (OneLayer attention in _byWindow.Values)
            attention.Dispose();
    }

    private sealed record OneLayer(SequenceCache Cache, AttentionWork Work) : IDisposable
    {
        public void Dispose() => Cache.Dispose();
    }
}
