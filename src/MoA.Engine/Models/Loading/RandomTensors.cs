using MoA.Engine.Configuration;
using MoA.Engine.Files;
using MoA.Engine.Numerics;

namespace MoA.Engine.Models.Loading;

/// <summary>Adds the tensors of a shape to a GGUF file, with random content.</summary>
internal sealed class RandomTensors(GgufWriter writer, ModelConfig shape, ElementType weights, RandomWeights random)
{
    private readonly Dictionary<ElementType, int> _counts = [];
    private readonly List<(string, ElementType)> _fallbacks = [];

    /// <summary>How many tensors have been added in each format.</summary>
    public IReadOnlyDictionary<ElementType, int> Counts => _counts;

    /// <summary>Matrices in another format than was asked for.</summary>
    public IReadOnlyList<(string Tensor, ElementType Type)> Fallbacks => _fallbacks;

    public void Add()
    {
        WeightNames names = WeightNames.Gguf;
        Matrix(names.Embedding, shape.VocabularySize, shape.HiddenSize);
        for (int layer = 0; layer < shape.Layers; layer++)
            AddLayer(names.Layer(layer), names);
        Norm(names.FinalNorm, shape.HiddenSize);
        if (!shape.TieWordEmbeddings)
            Matrix(names.Head, shape.VocabularySize, shape.HiddenSize);
    }

    private void AddLayer(string layer, WeightNames names)
    {
        int hidden = shape.HiddenSize;
        int queries = shape.QueryHeads * shape.HeadSize, keys = shape.KeyValueHeads * shape.HeadSize;
        Norm(layer + names.InputNorm, hidden);
        Matrix(layer + names.Query, queries, hidden);
        Matrix(layer + names.Key, keys, hidden);
        Matrix(layer + names.Value, keys, hidden);
        Matrix(layer + names.Output, hidden, queries);
        if (shape.Architecture == ModelFamily.Qwen2)
        {
            Vector(layer + names.Query + ".bias", queries, 0);
            Vector(layer + names.Key + ".bias", keys, 0);
            Vector(layer + names.Value + ".bias", keys, 0);
        }

        Norm(layer + names.PostAttentionNorm, hidden);
        Matrix(layer + names.Gate, shape.IntermediateSize, hidden);
        Matrix(layer + names.Up, shape.IntermediateSize, hidden);
        Matrix(layer + names.Down, hidden, shape.IntermediateSize);
    }

    private void Matrix(string stem, int rows, int columns)
    {
        ElementType type = GgufTensorPlan.MatrixType(weights, columns);
        if (type != weights)
            _fallbacks.Add((stem + ".weight", type));
        writer.AddTensor(stem + ".weight", type, [rows, columns], random.Matrix(type, rows, columns));
        _counts[type] = _counts.GetValueOrDefault(type) + 1;
    }

    private void Norm(string stem, int length) => Vector(stem + ".weight", length, 1);

    private void Vector(string name, int length, float mean)
    {
        GgufConverter.AddVector(writer, name, random.Vector(length, mean, 0.02f));
        _counts[ElementType.F32] = _counts.GetValueOrDefault(ElementType.F32) + 1;
    }
}
