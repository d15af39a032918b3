using System.Globalization;
using MoA.Engine.Configuration;
using MoA.Engine.Kernels;
using MoA.Engine.Numerics;

namespace MoA.Engine.Models.Loading;

/// <summary>The weights of a random model, matrices as descriptions alone; vectors, which are small, in memory.</summary>
internal sealed unsafe class RandomDescription(ModelConfig shape, ElementType weights, ulong seed) : WeightSource(shape, shape.Architecture.GgufNames)
{
    private const float VectorDeviation = 0.02f;

    private readonly RandomWeights _random = new(seed, new ParallelOptions());
    private readonly NativeAllocator _allocator = new();
    private readonly List<IDisposable> _vectors = [];

    /// <inheritdoc/>
    protected override ModelWeights Gather(WeightTensor embedding, LayerWeights[] layers, WeightTensor finalNorm, WeightTensor head) => new(
        embedding, layers, finalNorm, head, string.Create(CultureInfo.InvariantCulture, $"random-{seed}"), _vectors);

    /// <inheritdoc/>
    protected override WeightTensor Matrix(string stem, int rows, int columns) =>
        new(stem + ".weight", GgufTensorPlan.MatrixType(weights, columns), rows, columns, null) { Random = _random.Describe(columns) };

    /// <inheritdoc/>
    protected override WeightTensor[] Matrices(string layer, string? together, int columns, params ReadOnlySpan<(string Stem, int Rows)> parts)
    {
        WeightTensor[] matrices = new WeightTensor[parts.Length];
        for (int i = 0; i < parts.Length; i++)
            matrices[i] = Matrix(layer + parts[i].Stem, parts[i].Rows, columns);
        return matrices;
    }

    /// <inheritdoc/>
    protected override FeedForwardWeights[] Experts(string layer, ExpertDescription experts, int inner)
    {
        return [.. Enumerable.Range(0, experts.Count).Select(expert => new FeedForwardWeights
        {
            Gate = Matrix($"{layer}experts.{expert}.gate", inner, Config.HiddenSize),
            Up = Matrix($"{layer}experts.{expert}.up", inner, Config.HiddenSize),
            Down = Matrix($"{layer}experts.{expert}.down", Config.HiddenSize, inner),
            GateBias = ExpertBias("gate", expert, inner),
            UpBias = ExpertBias("up", expert, inner),
            DownBias = ExpertBias("down", expert, Config.HiddenSize),
        })];

        WeightTensor? ExpertBias(string name, int expert, int length) =>
            experts.HasBiases ? Vector($"{layer}experts.{expert}.{name}.bias", length) : null;
    }

    /// <inheritdoc/>
    protected override WeightTensor Norm(string stem, int length) => Vector(stem + ".weight", length, 1);

    /// <inheritdoc/>
    protected override WeightTensor? Bias(string stem, int length, bool isOfFamily = false) => isOfFamily ? Vector(stem + ".bias", length) : null;

    /// <inheritdoc/>
    protected override WeightTensor Vector(string name, int length) => Vector(name, length, 0);

    private WeightTensor Vector(string name, int length, float mean)
    {
        NativeBuffer<float> buffer = new(_allocator, length);
        _vectors.Add(buffer);
        _random.Vector(length, mean, VectorDeviation).CopyTo(buffer.AsSpan(0, length));
        return new WeightTensor(name, ElementType.F32, 1, length, buffer.Data);
    }
}
