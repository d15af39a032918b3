using MoA.Engine.Configuration;
using MoA.Engine.Numerics;

namespace MoA.Engine.Models.Loading;

/// <summary>Decides under which name, in which format and in which order of rows each weight goes into a GGUF file.</summary>
/// <param name="config">The model's shape.</param>
/// <param name="weights">Format of the matrices; null keeps each one's own.</param>
internal sealed class GgufTensorPlan(ModelConfig config, ElementType? weights)
{
    private readonly Dictionary<ElementType, int> _counts = [];
    private readonly List<(string, ElementType)> _fallbacks = [];

    /// <summary>How many tensors have been planned in each format.</summary>
    public IReadOnlyDictionary<ElementType, int> Counts => _counts;

    /// <summary>Matrices in another format than was asked for.</summary>
    public IReadOnlyList<(string Tensor, ElementType Type)> Fallbacks => _fallbacks;

    /// <summary>The format of a matrix whose rows have <paramref name="columns"/> elements.</summary>
    public static ElementType MatrixType(ElementType wanted, int columns) =>
        columns % wanted.ElementsPerBlock() == 0 ? wanted
        : columns % ElementType.Q8_0.ElementsPerBlock() == 0 ? ElementType.Q8_0
        : ElementType.BF16;

    /// <summary>All weights of a model, a tied head left out.</summary>
    public IEnumerable<PlannedTensor> Tensors(ModelWeights model)
    {
        WeightNames names = WeightNames.Gguf;
        yield return Matrix(names.Embedding, model.Embedding);
        for (int layer = 0; layer < model.Layers.Count; layer++)
        {
            foreach (PlannedTensor tensor in Layer(names.Layer(layer), names, model.Layers[layer]))
                yield return tensor;
        }

        yield return Vector(names.FinalNorm + ".weight", model.FinalNorm);
        if (!ReferenceEquals(model.Head, model.Embedding))
            yield return Matrix(names.Head, model.Head);
    }

    private IEnumerable<PlannedTensor> Layer(string layer, WeightNames names, LayerWeights weights)
    {
        int paired = config.RopePairs == GgufConfigWriter.PairsOf(config.Architecture) ? 0 : config.HeadSize;
        yield return Vector(layer + names.InputNorm + ".weight", weights.InputNorm);
        foreach (PlannedTensor tensor in Matrices(layer, names.QueryKeyValue, (names.Query, weights.Query, paired), (names.Key, weights.Key, paired), (names.Value, weights.Value, 0)))
            yield return tensor;
        yield return Matrix(layer + names.Output, weights.Output);
        yield return Vector(layer + names.PostAttentionNorm + ".weight", weights.PostAttentionNorm);
        foreach (PlannedTensor tensor in Matrices(layer, names.GateUp, (names.Gate, weights.Gate, 0), (names.Up, weights.Up, 0)))
            yield return tensor;
        yield return Matrix(layer + names.Down, weights.Down);
        (string Name, WeightTensor? Weight, int Paired)[] vectors =
        [
            (names.QueryNorm + ".weight", weights.QueryNorm, 0), (names.KeyNorm + ".weight", weights.KeyNorm, 0),
            (names.Query + ".bias", weights.QueryBias, paired), (names.Key + ".bias", weights.KeyBias, paired),
            (names.Value + ".bias", weights.ValueBias, 0), (names.Output + ".bias", weights.OutputBias, 0),
            (names.Gate + ".bias", weights.GateBias, 0), (names.Up + ".bias", weights.UpBias, 0),
            (names.Down + ".bias", weights.DownBias, 0),
        ];
        foreach ((string name, WeightTensor? weight, int pairedVector) in vectors)
        {
            if (weight is not null)
                yield return Vector(layer + name, weight, pairedVector);
        }
    }

    // Parts of one matrix go back into one, as they were read; others stay apart.
    private unsafe IEnumerable<PlannedTensor> Matrices(string layer, string together, params (string Stem, WeightTensor Weight, int Paired)[] parts)
    {
        WeightTensor first = parts[0].Weight;
        if (config.Architecture == ModelFamily.Phi3 && parts.Zip(parts.Skip(1)).All(pair => AreNeighbours(pair.First.Weight, pair.Second.Weight)))
            return [Matrix(layer + together, new WeightTensor(layer + together, first.Type, parts.Sum(part => part.Weight.Rows), first.Columns, first.Data))];
        return parts.Select(part => Matrix(layer + part.Stem, part.Weight, part.Paired));
    }

    private static unsafe bool AreNeighbours(WeightTensor first, WeightTensor second) =>
        first.Type == second.Type && (byte*)first.Data + first.Bytes == (byte*)second.Data;

    private PlannedTensor Matrix(string stem, WeightTensor source, int paired = 0)
    {
        ElementType wanted = weights ?? source.Type;
        ElementType type = MatrixType(wanted, source.Columns);
        if (type != wanted)
            _fallbacks.Add((stem + ".weight", type));
        return Count(new PlannedTensor(stem + ".weight", type, [source.Rows, source.Columns], source, paired));
    }

    private PlannedTensor Vector(string name, WeightTensor source, int paired = 0) =>
        Count(new PlannedTensor(name, ElementType.F32, [source.Columns], source, paired));

    private PlannedTensor Count(PlannedTensor tensor)
    {
        _counts[tensor.Type] = _counts.GetValueOrDefault(tensor.Type) + 1;
        return tensor;
    }
}
