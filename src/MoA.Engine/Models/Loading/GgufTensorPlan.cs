using MoA.Engine.Configuration;
using MoA.Engine.Kernels;
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
        WeightNames names = config.Architecture.GgufNames;
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
        int paired = config.RopePairs == config.Architecture.GgufPairs ? 0 : config.HeadSize;
        return
        [
            .. Vectors(layer, (names.AttentionNorm + ".weight", weights.AttentionNorm, 0)),
            .. Matrices(layer, names.QueryKeyValue, (names.Query, weights.Query, paired), (names.Key, weights.Key, paired), (names.Value, weights.Value, 0)),
            Matrix(layer + names.Output, weights.Output),
            .. Vectors(layer, (names.FeedForwardNorm + ".weight", weights.FeedForwardNorm, 0)),
            .. weights.Router is { } router ? Experts(layer, names, router, weights) : FeedForward(layer, names, weights.FeedForward[0]),
            .. Vectors(
                layer,
                (names.QueryNorm + ".weight", weights.QueryNorm, 0), (names.KeyNorm + ".weight", weights.KeyNorm, 0),
                (names.Query + ".bias", weights.QueryBias, paired), (names.Key + ".bias", weights.KeyBias, paired),
                (names.Value + ".bias", weights.ValueBias, 0), (names.Output + ".bias", weights.OutputBias, 0),
                (names.Sinks, weights.Sinks, 0),
                (names.AttentionOutputNorm + ".weight", weights.AttentionOutputNorm, 0),
                (names.FeedForwardOutputNorm + ".weight", weights.FeedForwardOutputNorm, 0)),
        ];
    }

    private IEnumerable<PlannedTensor> FeedForward(string layer, WeightNames names, FeedForwardWeights network) =>
    [
        .. Matrices(layer, names.GateUp, (names.Gate, network.Gate, 0), (names.Up, network.Up, 0)),
        Matrix(layer + names.Down, network.Down),
        .. Vectors(layer, (names.Gate + ".bias", network.GateBias, 0), (names.Up + ".bias", network.UpBias, 0), (names.Down + ".bias", network.DownBias, 0)),
    ];

    // Routers are small and decide: they stay as exact as they are.
    private IEnumerable<PlannedTensor> Experts(string layer, WeightNames names, WeightTensor router, LayerWeights weights)
    {
        ExpertNames experts = names.Experts[0];
        IReadOnlyList<FeedForwardWeights> networks = weights.FeedForward;
        yield return Count(new PlannedTensor(layer + names.Router + ".weight", ElementType.F32, [router.Rows, router.Columns], [router], 0));
        foreach (PlannedTensor bias in Vectors(layer, (names.Router + ".bias", weights.RouterBias, 0)))
            yield return bias;
        WeightTensor[] gates = [.. networks.Select(network => network.Gate)], ups = [.. networks.Select(network => network.Up)];
        WeightTensor[] downs = [.. networks.Select(network => network.Down)];
        foreach ((string name, WeightTensor[] stack) in new[] { (experts.Gate, gates), (experts.Up, ups), (experts.Down, downs) })
            yield return Count(new PlannedTensor(layer + name, TypeOf(layer + name, stack[0]), [stack.Length, stack[0].Rows, stack[0].Columns], stack, 0));
        WeightTensor[] gateBiases = [.. networks.Select(network => network.GateBias).OfType<WeightTensor>()];
        WeightTensor[] upBiases = [.. networks.Select(network => network.UpBias).OfType<WeightTensor>()];
        WeightTensor[] downBiases = [.. networks.Select(network => network.DownBias).OfType<WeightTensor>()];
        foreach ((string name, WeightTensor[] stack) in new[] { (experts.GateBias, gateBiases), (experts.UpBias, upBiases), (experts.DownBias, downBiases) })
        {
            if (stack.Length > 0)
                yield return Count(new PlannedTensor(layer + name, ElementType.F32, [stack.Length, stack[0].Columns], stack, 0));
        }
    }

    private IEnumerable<PlannedTensor> Vectors(string layer, params IEnumerable<(string Name, WeightTensor? Weight, int Paired)> vectors)
    {
        foreach ((string name, WeightTensor? weight, int paired) in vectors)
        {
            if (weight is not null)
                yield return Vector(layer + name, weight, paired);
        }
    }

    // Parts of one matrix go back into one, as they were read, and so do those that are yet to be drawn; others stay apart.
    private unsafe IEnumerable<PlannedTensor> Matrices(string layer, string? together, params (string Stem, WeightTensor Weight, int Paired)[] parts)
    {
        WeightTensor first = parts[0].Weight;
        if (together is not null && parts.Zip(parts.Skip(1)).All(pair => AreNeighbours(pair.First.Weight, pair.Second.Weight)))
        {
            int rows = parts.Sum(part => part.Weight.Rows);
            return [Matrix(layer + together, new WeightTensor(layer + together, first.Type, rows, first.Columns, first.Data) { Random = first.Random })];
        }

        return [.. parts.Select(part => Matrix(layer + part.Stem, part.Weight, part.Paired))];
    }

    private static unsafe bool AreNeighbours(WeightTensor first, WeightTensor second) => first.Type == second.Type &&
        (first.Random is not null || (byte*)first.Data + first.Bytes == (byte*)second.Data);

    private PlannedTensor Matrix(string stem, WeightTensor source, int paired = 0) =>
        Count(new PlannedTensor(stem + ".weight", TypeOf(stem + ".weight", source), [source.Rows, source.Columns], [source], paired));

    private PlannedTensor Vector(string name, WeightTensor source, int paired = 0) =>
        Count(new PlannedTensor(name, ElementType.F32, [source.Columns], [source], paired));

    private ElementType TypeOf(string name, WeightTensor source)
    {
        ElementType wanted = weights ?? source.Type;
        ElementType type = MatrixType(wanted, source.Columns);
        if (type != wanted)
            _fallbacks.Add((name, type));
        return type;
    }

    private PlannedTensor Count(PlannedTensor tensor)
    {
        _counts[tensor.Type] = _counts.GetValueOrDefault(tensor.Type) + 1;
        return tensor;
    }
}
