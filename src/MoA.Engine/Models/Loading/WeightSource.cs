using MoA.Engine.Configuration;
using MoA.Engine.Kernels;
using MoA.Engine.Numerics;

namespace MoA.Engine.Models.Loading;

/// <summary>Gathers the weights that a model's description calls for: under which names, of which shapes.</summary>
/// <param name="config">The model.</param>
/// <param name="names">What its tensors are called.</param>
internal abstract class WeightSource(ModelConfig config, WeightNames names)
{
    /// <summary>The model.</summary>
    protected ModelConfig Config => config;

    /// <summary>What its tensors are called.</summary>
    protected WeightNames Names => names;

    /// <summary>All weights of the model.</summary>
    public ModelWeights Read()
    {
        WeightTensor embedding = Matrix(names.Embedding, config.VocabularySize, config.HiddenSize);
        LayerWeights[] layers = new LayerWeights[config.Layers];
        for (int layer = 0; layer < layers.Length; layer++)
            layers[layer] = Layer(names.Layer(layer), config.LayerDescriptions[layer]);
        WeightTensor finalNorm = Norm(names.FinalNorm, config.HiddenSize);
        WeightTensor head = config.TieWordEmbeddings
            ? embedding
            : Matrix(names.Head, config.VocabularySize, config.HiddenSize);
        return Gather(embedding, layers, finalNorm, head);
    }

    /// <summary>What is done with the weights once all are there.</summary>
    protected abstract ModelWeights Gather(WeightTensor embedding, LayerWeights[] layers, WeightTensor finalNorm, WeightTensor head);

    /// <summary>A matrix, which the model cannot do without.</summary>
    protected abstract WeightTensor Matrix(string stem, int rows, int columns);

    /// <summary>Several matrices; of their own, or one above the other in one of the name <paramref name="together"/> where it is given.</summary>
    protected abstract WeightTensor[] Matrices(string layer, string? together, int columns, params ReadOnlySpan<(string Stem, int Rows)> parts);

    /// <summary>The weight of a norm, which the model cannot do without.</summary>
    protected abstract WeightTensor Norm(string stem, int length);

    /// <summary>A bias, or null where there is none.</summary>
    /// <param name="stem">The name without <c>.bias</c>.</param>
    /// <param name="length">Elements.</param>
    /// <param name="isOfFamily">Whether all models of the family have it.</param>
    protected abstract WeightTensor? Bias(string stem, int length, bool isOfFamily = false);

    /// <summary>A vector of any other name.</summary>
    protected abstract WeightTensor Vector(string name, int length);

    /// <summary>The experts of a layer.</summary>
    /// <param name="layer">What the layer's names begin with.</param>
    /// <param name="experts">How many there are, and whether they have biases.</param>
    /// <param name="inner">Their width between the projections.</param>
    protected abstract FeedForwardWeights[] Experts(string layer, ExpertDescription experts, int inner);

    private LayerWeights Layer(string layer, LayerDescription description)
    {
        int hidden = config.HiddenSize, queries = config.QueryHeads * config.HeadSize, keys = config.KeyValueHeads * config.HeadSize;
        bool isBefore = description.Norms != NormPlacement.After, isAfter = description.Norms != NormPlacement.Before;
        bool normsHeads = description.QueryKeyNorm != QueryKeyNorm.None, normsEach = description.QueryKeyNorm == QueryKeyNorm.PerHead;
        bool hasBiases = config.Architecture.HasQueryKeyValueBiases;
        int inner = description.FeedForward.IntermediateSize;
        ExpertDescription? experts = description.FeedForward.Experts;
        WeightTensor? attentionNorm = isBefore ? Norm(layer + names.AttentionNorm, hidden) : null;
        WeightTensor[] heads = Matrices(layer, names.QueryKeyValue, hidden, (names.Query, queries), (names.Key, keys), (names.Value, keys));
        return new LayerWeights
        {
            AttentionNorm = attentionNorm,
            Query = heads[0],
            Key = heads[1],
            Value = heads[2],
            Output = Matrix(layer + names.Output, hidden, queries),
            FeedForwardNorm = isBefore ? Norm(layer + names.FeedForwardNorm, hidden) : null,
            Router = experts is null ? null : Matrix(layer + names.Router, experts.Count, hidden),
            RouterBias = experts is { HasBiases: true } ? Vector(layer + names.Router + ".bias", experts.Count) : null,
            FeedForward = experts is null ? [FeedForward(layer, inner)] : Experts(layer, experts, inner),
            QueryBias = Bias(layer + names.Query, queries, hasBiases),
            KeyBias = Bias(layer + names.Key, keys, hasBiases),
            ValueBias = Bias(layer + names.Value, keys, hasBiases),
            OutputBias = Bias(layer + names.Output, hidden, config.Architecture.HasOutputBias),
            QueryNorm = normsHeads ? Norm(layer + names.QueryNorm, normsEach ? config.HeadSize : queries) : null,
            KeyNorm = normsHeads ? Norm(layer + names.KeyNorm, normsEach ? config.HeadSize : keys) : null,
            Sinks = description.HasSinks ? Vector(layer + names.Sinks, config.QueryHeads) : null,
            AttentionOutputNorm = isAfter ? Norm(layer + names.AttentionOutputNorm, hidden) : null,
            FeedForwardOutputNorm = isAfter ? Norm(layer + names.FeedForwardOutputNorm, hidden) : null,
        };
    }

    private FeedForwardWeights FeedForward(string layer, int inner)
    {
        WeightTensor[] gates = Matrices(layer, names.GateUp, config.HiddenSize, (names.Gate, inner), (names.Up, inner));
        return new FeedForwardWeights
        {
            Gate = gates[0],
            Up = gates[1],
            Down = Matrix(layer + names.Down, config.HiddenSize, inner),
            GateBias = Bias(layer + names.Gate, inner),
            UpBias = Bias(layer + names.Up, inner),
            DownBias = Bias(layer + names.Down, config.HiddenSize),
        };
    }
}
