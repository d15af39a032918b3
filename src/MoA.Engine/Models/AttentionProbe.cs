using MoA.Engine.Attention.Prefill;
using MoA.Engine.Kernels;
using MoA.Engine.KvCache;
using MoA.Engine.Numerics;

namespace MoA.Engine.Models;

/// <summary>
/// Tries patterns out beside the attention of a text that is read with full attention: counts, for each query head, the outputs that a pattern puts further off than
/// a tolerance. The text itself goes on as it would without.
/// </summary>
internal sealed class AttentionProbe : IDisposable
{
    private readonly ComputeBackend _backend;
    private readonly PrefillPolicy[] _policies;
    private readonly float _tolerance;
    private readonly AttentionWork _work;
    private readonly Tensor _outputs;

    /// <summary>A probe for a model.</summary>
    /// <param name="transformer">The model.</param>
    /// <param name="policies">What is tried.</param>
    /// <param name="tolerance">How far an output may be off.</param>
    public AttentionProbe(Transformer transformer, PrefillPolicy[] policies, float tolerance)
    {
        _backend = transformer.Backend;
        _policies = policies;
        _tolerance = tolerance;
        _work = new AttentionWork(transformer.Config);
        _outputs = _backend.Allocate(transformer.MaxRows, transformer.Config.QueryHeads * transformer.Config.HeadSize);
        Deviations = new long[transformer.Config.Layers, transformer.Config.QueryHeads, policies.Length];
    }

    /// <summary>Outputs that were further off, [layers, query heads, policies].</summary>
    public long[,,] Deviations { get; }

    /// <summary>Tries all policies on the rows of a prompt that have just attended.</summary>
    internal unsafe void Try(AttentionWork work, int layer, Tensor queries, Tensor keys, Tensor values, Tensor outputs, in AttentionTraits traits)
    {
        AttentionSegment segment = work.Segments[0];
        if (segment.Cache.Spans[layer].SlidingWindow != int.MaxValue)
            return;
        for (int i = 0; i < _policies.Length; i++)
        {
            _work.Sparse.Tried = _policies[i];
            _work.Clear();
            _work.Add(segment.Cache, segment.Rows, AttentionMode.Prefill, segment.ToCome);
            _backend.Attend(_work, layer, queries, keys, values, _outputs, traits);
            int size = work.HeadSize;
            for (int head = 0; head < work.QueryHeads; head++)
            {
                for (int row = 0; row < segment.Rows; row++)
                {
                    float* expected = outputs.Data + (nint)row * outputs.Columns + head * size, found = _outputs.Data + (nint)row * _outputs.Columns + head * size;
                    for (int d = 0; d < size; d++)
                        Deviations[layer, head, i] += MathF.Abs(expected[d] - found[d]) > _tolerance ? 1 : 0;
                }
            }
        }
    }

    public void Dispose() => _outputs.Dispose();
}
