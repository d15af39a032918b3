using MoA.Engine.Configuration;
using MoA.Engine.Kernels;
using MoA.Engine.Numerics;

namespace MoA.Engine.Models;

/// <summary>
/// The weights of one layer, those that its <see cref="LayerDescription"/> calls for; matrices are [outputs, inputs]. H, G, d: query heads,
/// KV heads, head size.
/// </summary>
internal sealed class LayerWeights
{
    /// <summary>RMS norm before attention, [hidden], or null.</summary>
    public WeightTensor? AttentionNorm { get; init; }

    /// <summary>Query projection, [H·d, hidden].</summary>
    public required WeightTensor Query { get; init; }

    /// <summary>Key projection, [G·d, hidden].</summary>
    public required WeightTensor Key { get; init; }

    /// <summary>Value projection, [G·d, hidden].</summary>
    public required WeightTensor Value { get; init; }

    /// <summary>Output projection of attention, [hidden, H·d].</summary>
    public required WeightTensor Output { get; init; }

    /// <summary>Added to the queries, [H·d], or null.</summary>
    public WeightTensor? QueryBias { get; init; }

    /// <summary>Added to the keys, [G·d], or null.</summary>
    public WeightTensor? KeyBias { get; init; }

    /// <summary>Added to the values, [G·d], or null.</summary>
    public WeightTensor? ValueBias { get; init; }

    /// <summary>Added to the output of attention, [hidden], or null.</summary>
    public WeightTensor? OutputBias { get; init; }

    /// <summary>RMS norm of queries before RoPE: of each head, [d], of all together, [H·d], or null.</summary>
    public WeightTensor? QueryNorm { get; init; }

    /// <summary>RMS norm of keys before RoPE: of each head, [d], of all together, [G·d], or null.</summary>
    public WeightTensor? KeyNorm { get; init; }

    /// <summary>One more score of the softmax for each query head, [H], or null.</summary>
    public WeightTensor? Sinks { get; init; }

    /// <summary>RMS norm of attention's output, before it is added to the residual stream, [hidden], or null.</summary>
    public WeightTensor? AttentionOutputNorm { get; init; }

    /// <summary>RMS norm before the feed-forward network, [hidden], or null.</summary>
    public WeightTensor? FeedForwardNorm { get; init; }

    /// <summary>Scores the experts, [experts, hidden]; null where there is one network.</summary>
    public WeightTensor? Router { get; init; }

    /// <summary>Added to the scores, [experts], or null.</summary>
    public WeightTensor? RouterBias { get; init; }

    /// <summary>The feed-forward network, or the experts.</summary>
    public required IReadOnlyList<FeedForwardWeights> FeedForward { get; init; }

    /// <summary>RMS norm of the feed-forward network's output, before it is added to the residual stream, [hidden], or null.</summary>
    public WeightTensor? FeedForwardOutputNorm { get; init; }

    /// <summary>Every weight that is there.</summary>
    internal IEnumerable<WeightTensor> All =>
        new[]
        {
            AttentionNorm, Query, Key, Value, Output, QueryBias, KeyBias, ValueBias, OutputBias, QueryNorm, KeyNorm, Sinks, AttentionOutputNorm,
            FeedForwardNorm, Router, RouterBias, FeedForwardOutputNorm,
        }.OfType<WeightTensor>().Concat(FeedForward.SelectMany(network => network.All));

    /// <summary>These weights, each replaced by what <paramref name="convert"/> makes of it.</summary>
    internal LayerWeights Convert(Func<WeightTensor, WeightTensor> convert)
    {
        return new LayerWeights
        {
            AttentionNorm = Optional(AttentionNorm),
            Query = convert(Query),
            Key = convert(Key),
            Value = convert(Value),
            Output = convert(Output),
            QueryBias = Optional(QueryBias),
            KeyBias = Optional(KeyBias),
            ValueBias = Optional(ValueBias),
            OutputBias = Optional(OutputBias),
            QueryNorm = Optional(QueryNorm),
            KeyNorm = Optional(KeyNorm),
            Sinks = Optional(Sinks),
            AttentionOutputNorm = Optional(AttentionOutputNorm),
            FeedForwardNorm = Optional(FeedForwardNorm),
            Router = Optional(Router),
            RouterBias = Optional(RouterBias),
            FeedForward = [.. FeedForward.Select(network => network.Convert(convert))],
            FeedForwardOutputNorm = Optional(FeedForwardOutputNorm),
        };

        WeightTensor? Optional(WeightTensor? weight) => weight is null ? null : convert(weight);
    }
}
