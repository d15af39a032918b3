using System.Globalization;
using MoA.Engine.Configuration;
using MoA.Engine.Numerics;

namespace MoA.Engine.Models.Loading;

/// <summary>The weights of a random model, matrices as descriptions alone; vectors, which are small, in memory.</summary>
internal sealed unsafe class RandomDescription(ModelConfig shape, ElementType weights, ulong seed)
{
    private const float VectorDeviation = 0.02f;

    private readonly RandomWeights _random = new(seed, new ParallelOptions());
    private readonly NativeAllocator _allocator = new();
    private readonly List<IDisposable> _vectors = [];

    public ModelWeights Weights()
    {
        WeightNames names = WeightNames.Gguf;
        WeightTensor embedding = Matrix(names.Embedding, shape.VocabularySize, shape.HiddenSize);
        LayerWeights[] layers = [.. Enumerable.Range(0, shape.Layers).Select(layer => Layer(names.Layer(layer), names))];
        WeightTensor norm = Norm(names.FinalNorm, shape.HiddenSize);
        WeightTensor head = shape.TieWordEmbeddings ? embedding : Matrix(names.Head, shape.VocabularySize, shape.HiddenSize);
        return new ModelWeights(
            embedding, layers, norm, head, string.Create(CultureInfo.InvariantCulture, $"random-{seed}"), _vectors);
    }

    private LayerWeights Layer(string layer, WeightNames names)
    {
        int hidden = shape.HiddenSize, inner = shape.IntermediateSize;
        int queries = shape.QueryHeads * shape.HeadSize, keys = shape.KeyValueHeads * shape.HeadSize;
        bool hasBiases = shape.Architecture == ModelFamily.Qwen2;
        return new LayerWeights
        {
            InputNorm = Norm(layer + names.InputNorm, hidden),
            Query = Matrix(layer + names.Query, queries, hidden),
            Key = Matrix(layer + names.Key, keys, hidden),
            Value = Matrix(layer + names.Value, keys, hidden),
            Output = Matrix(layer + names.Output, hidden, queries),
            PostAttentionNorm = Norm(layer + names.PostAttentionNorm, hidden),
            Gate = Matrix(layer + names.Gate, inner, hidden),
            Up = Matrix(layer + names.Up, inner, hidden),
            Down = Matrix(layer + names.Down, hidden, inner),
            QueryBias = hasBiases ? Vector(layer + names.Query + ".bias", queries, 0) : null,
            KeyBias = hasBiases ? Vector(layer + names.Key + ".bias", keys, 0) : null,
            ValueBias = hasBiases ? Vector(layer + names.Value + ".bias", keys, 0) : null,
        };
    }

    private WeightTensor Matrix(string stem, int rows, int columns) =>
        new(stem + ".weight", GgufTensorPlan.MatrixType(weights, columns), rows, columns, null) { Random = _random.Describe(columns) };

    private WeightTensor Norm(string stem, int length) => Vector(stem + ".weight", length, 1);

    private WeightTensor Vector(string name, int length, float mean)
    {
        NativeBuffer<float> buffer = new(_allocator, length);
        _vectors.Add(buffer);
        _random.Vector(length, mean, VectorDeviation).CopyTo(buffer.AsSpan(0, length));
        return new WeightTensor(name, ElementType.F32, 1, length, buffer.Data);
    }
}
