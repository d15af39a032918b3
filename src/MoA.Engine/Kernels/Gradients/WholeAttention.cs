using MoA.Engine.Attention;
using MoA.Engine.Configuration;
using MoA.Engine.KvCache;
using MoA.Engine.Numerics;

namespace MoA.Engine.Kernels.Gradients;

/// <summary>
/// Attention of whole items through the forward pass's own kernels. These attend through a cache: one of a single layer, in F32 so
/// that nothing is rounded, serves all layers with the same window. Its length stays 0, so that every use starts anew.
/// </summary>
internal sealed class WholeAttention(ModelConfig config, int maxTokens, ComputeBackend backend) : IDisposable
{
    private readonly Dictionary<int, (SequenceCache Cache, AttentionWork Work)> _byWindow = [];

    public void Attend(in AttentionShape shape, Tensor queries, Tensor keys, Tensor values, Tensor outputs)
    {
        if (!_byWindow.TryGetValue(shape.SlidingWindow, out (SequenceCache Cache, AttentionWork Work) attention))
        {
            LayerDescription layer = config.LayerDescriptions[0] with { Window = shape.SlidingWindow == int.MaxValue ? null : shape.SlidingWindow };
            ModelConfig oneLayer = config with { LayerDescriptions = [layer] };
            SequenceCache cache = new(oneLayer, new DensePolicy(), maxTokens, ElementType.F32, backend.CacheMemory);
            attention = (cache, new AttentionWork(oneLayer));
            _byWindow.Add(shape.SlidingWindow, attention);
        }

        attention.Work.Clear();
        attention.Work.Add(attention.Cache, shape.Rows, AttentionMode.Prefill);
        backend.Prepare(attention.Work);
        backend.Attend(attention.Work, 0, queries, keys, values, outputs, shape.Traits);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach ((SequenceCache cache, _) in _byWindow.Values)
            cache.Dispose();
    }
}
