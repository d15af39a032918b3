using MoA.Engine.Configuration;
using MoA.Engine.Files;
using MoA.Engine.Kernels;
using MoA.Engine.Numerics;

namespace MoA.Engine.Models.Loading;

/// <summary>Finds the tensors of a model in a checkpoint and checks them: their shapes, and every number, or, where
/// <paramref name="parallel"/> is null, none.</summary>
internal sealed class WeightReader(ModelConfig config, WeightNames names, ICheckpoint checkpoint, ParallelOptions? parallel) : WeightSource(config, names)
{
    private readonly List<(WeightTensor Weight, string Path)> _found = [];
    private readonly NativeAllocator _allocator = new();
    private readonly List<IDisposable> _copies = [];

    /// <summary>All weights of a model.</summary>
    /// <exception cref="InvalidInputException">A tensor is missing, has another shape or format than expected, or holds
    /// NaN or infinity.</exception>
    /// <exception cref="OperationCanceledException">The work was cancelled.</exception>
    public static ModelWeights Read(ModelConfig config, WeightNames names, ICheckpoint checkpoint, ParallelOptions? parallel)
    {
        WeightReader reader = new(config, names, checkpoint, parallel);
        try
        {
            return reader.Read();
        }
        catch
        {
            reader._copies.ForEach(copy => copy.Dispose());
            throw;
        }
    }

    /// <inheritdoc/>
    protected override ModelWeights Gather(WeightTensor embedding, LayerWeights[] layers, WeightTensor finalNorm, WeightTensor head) =>
        new(embedding, layers, finalNorm, head, Scan(), [.. checkpoint.Files, checkpoint, .. _copies]);

    /// <inheritdoc/>
    protected override WeightTensor Matrix(string stem, int rows, int columns) => Tensor(stem + ".weight", rows, columns);

    /// <inheritdoc/>
    protected override WeightTensor[] Matrices(string layer, string? together, int columns, params ReadOnlySpan<(string Stem, int Rows)> parts)
    {
        WeightTensor[] matrices = new WeightTensor[parts.Length];
        int rows = 0;
        foreach ((_, int count) in parts)
            rows += count;
        WeightTensor? all = together is not null && !checkpoint.Contains(layer + parts[0].Stem + ".weight")
            ? Matrix(layer + together, rows, columns)
            : null;
        for (int i = 0, row = 0; i < parts.Length; row += parts[i++].Rows)
            matrices[i] = all?.Part(row, parts[i].Rows) ?? Matrix(layer + parts[i].Stem, parts[i].Rows, columns);
        return matrices;
    }

    /// <inheritdoc/>
    protected override unsafe WeightTensor Norm(string stem, int length)
    {
        WeightTensor stored = Vector(stem + ".weight", length);
        if (Names.NormOffset == 0)
            return stored;
        NativeBuffer<float> sum = new(_allocator, length);
        _copies.Add(sum);
        Quantization.Dequantize(stored.Type, (byte*)stored.Data, sum.Data, length);
        foreach (ref float weight in sum.AsSpan(0, length))
            weight += Names.NormOffset;
        return new WeightTensor(stored.Name, ElementType.F32, 1, length, sum.Data);
    }

    /// <inheritdoc/>
    protected override WeightTensor? Bias(string stem, int length, bool isOfFamily = false) =>
        checkpoint.Contains(stem + ".bias") ? Vector(stem + ".bias", length) : null;

    /// <inheritdoc/>
    protected override WeightTensor Vector(string name, int length)
    {
        WeightTensor vector = Tensor(name, length);
        return !vector.Type.IsQuantized() ? vector : throw InputFile.Error(_found[^1].Path,
            $"tensor {name} is {vector.Type}; expected norms and biases in F32, F16 or BF16");
    }

    /// <inheritdoc/>
    protected override FeedForwardWeights[] Experts(string layer, ExpertDescription experts, int inner) =>
        new ExpertReader(this, checkpoint, layer, experts.Count, parallel).Read(Names.Experts, Config.HiddenSize, inner, experts.HasBiases);

    private WeightTensor Tensor(string name, params ReadOnlySpan<long> shape) => Stored(name, shape).View(name);

    /// <summary>Memory that belongs to the weights.</summary>
    internal NativeBuffer<byte> Room(long bytes)
    {
        NativeBuffer<byte> room = new(_allocator, bytes);
        _copies.Add(room);
        return room;
    }

    /// <summary>A tensor whose shape is known to be right; it will be scanned.</summary>
    internal StoredTensor Stored(string name, params ReadOnlySpan<long> shape)
    {
        StoredTensor stored = checkpoint.Find(name);
        if (!shape.SequenceEqual(stored.Shape))
        {
            string found = InputFile.Cut(string.Join(", ", stored.Shape));
            throw InputFile.Error(stored.Path, $"tensor {name} has shape [{found}]; expected " +
                $"[{string.Join(", ", shape.ToArray())}] by {checkpoint.ShapesFrom}");
        }

        _found.Add((stored.View(name), stored.Path));
        return stored;
    }

    // The one time that all weights are read on loading.
    private string Scan()
    {
        if (parallel is null)
            return "";
        WeightScan scan = WeightScan.Of([.. _found.Select(found => found.Weight)], parallel);
        if (scan.NonFinite is not (int tensor, long position))
            return scan.Hash;
        (WeightTensor weight, string path) = _found[tensor];
        (long row, long column) = Math.DivRem(position, weight.Columns);
        string place = weight.Rows == 1 ? $"element {column}" : $"row {row}, column {column}";
        throw InputFile.Error(
            path, $"tensor {weight.Name} holds NaN or infinity at {place}; expected finite numbers");
    }
}
