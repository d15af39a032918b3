using MoA.Engine.Numerics;

namespace MoA.Engine.Models;

/// <summary>
/// The weights of one layer; matrices are [outputs, inputs]. H, G, d: query heads, KV heads, head size.
/// </summary>
public sealed class LayerWeights
{
    /// <summary>RMS norm before attention, [hidden].</summary>
    public required WeightTensor InputNorm { get; init; }

    /// <summary>Query projection, [H·d, hidden].</summary>
    public required WeightTensor Query { get; init; }

    /// <summary>Key projection, [G·d, hidden].</summary>
    public required WeightTensor Key { get; init; }

    /// <summary>Value projection, [G·d, hidden].</summary>
    public required WeightTensor Value { get; init; }

    /// <summary>Output projection of attention, [hidden, H·d].</summary>
    public required WeightTensor Output { get; init; }

    /// <summary>RMS norm before the MLP, [hidden].</summary>
    public required WeightTensor PostAttentionNorm { get; init; }

    /// <summary>Gate projection of the MLP, [intermediate, hidden].</summary>
    public required WeightTensor Gate { get; init; }

    /// <summary>Up projection of the MLP, [intermediate, hidden].</summary>
    public required WeightTensor Up { get; init; }

    /// <summary>Down projection of the MLP, [hidden, intermediate].</summary>
    public required WeightTensor Down { get; init; }

    /// <summary>Added to the queries, [H·d], or null.</summary>
    public WeightTensor? QueryBias { get; init; }

    /// <summary>Added to the keys, [G·d], or null.</summary>
    public WeightTensor? KeyBias { get; init; }

    /// <summary>Added to the values, [G·d], or null.</summary>
    public WeightTensor? ValueBias { get; init; }

    /// <summary>Added to the output of attention, [hidden], or null.</summary>
    public WeightTensor? OutputBias { get; init; }

    /// <summary>RMS norm of each query head before RoPE, [d]; Qwen 3 only.</summary>
    public WeightTensor? QueryNorm { get; init; }

    /// <summary>RMS norm of each key head before RoPE, [d]; Qwen 3 only.</summary>
    public WeightTensor? KeyNorm { get; init; }

    /// <summary>Added to the gate, [intermediate], or null.</summary>
    public WeightTensor? GateBias { get; init; }

    /// <summary>Added to the up projection, [intermediate], or null.</summary>
    public WeightTensor? UpBias { get; init; }

    /// <summary>Added to the output of the MLP, [hidden], or null.</summary>
    public WeightTensor? DownBias { get; init; }

    /// <summary>Every weight that is there.</summary>
    internal IEnumerable<WeightTensor> All =>
        new[]
        {
            InputNorm, Query, Key, Value, Output, PostAttentionNorm, Gate, Up, Down, QueryBias, KeyBias, ValueBias,
            OutputBias, QueryNorm, KeyNorm, GateBias, UpBias, DownBias,
        }.OfType<WeightTensor>();

    /// <summary>These weights, each replaced by what <paramref name="convert"/> makes of it.</summary>
    internal LayerWeights Convert(Func<WeightTensor, WeightTensor> convert)
    {
        return new LayerWeights
        {
            InputNorm = convert(InputNorm),
            Query = convert(Query),
            Key = convert(Key),
            Value = convert(Value),
            Output = convert(Output),
            PostAttentionNorm = convert(PostAttentionNorm),
            Gate = convert(Gate),
            Up = convert(Up),
            Down = convert(Down),
            QueryBias = Optional(QueryBias),
            KeyBias = Optional(KeyBias),
            ValueBias = Optional(ValueBias),
            OutputBias = Optional(OutputBias),
            QueryNorm = Optional(QueryNorm),
            KeyNorm = Optional(KeyNorm),
            GateBias = Optional(GateBias),
            UpBias = Optional(UpBias),
            DownBias = Optional(DownBias),
        };

        WeightTensor? Optional(WeightTensor? weight) => weight is null ? null : convert(weight);
    }
}
