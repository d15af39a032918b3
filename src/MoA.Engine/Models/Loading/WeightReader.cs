using MoA.Engine.Configuration;
using MoA.Engine.Files;
using MoA.Engine.Numerics;

namespace MoA.Engine.Models.Loading;

/// <summary>Finds the tensors of a model in a checkpoint and checks them.</summary>
internal sealed class WeightReader(ModelConfig config, WeightNames names, ICheckpoint checkpoint, ParallelOptions parallel)
{
    private readonly List<(WeightTensor Weight, string Path)> _found = [];

    /// <summary>All weights of the model.</summary>
    /// <exception cref="InvalidInputException">A tensor is missing, has another shape or format than expected, or holds
    /// NaN or infinity.</exception>
    /// <exception cref="OperationCanceledException">The work was cancelled.</exception>
    public ModelWeights Read()
    {
        WeightTensor embedding = Matrix(names.Embedding, config.VocabularySize, config.HiddenSize);
        LayerWeights[] layers = new LayerWeights[config.Layers];
        for (int layer = 0; layer < layers.Length; layer++)
            layers[layer] = Layer(names.Layer(layer));
        WeightTensor finalNorm = Vector(names.FinalNorm, config.HiddenSize);
        WeightTensor head = config.TieWordEmbeddings
            ? embedding
            : Matrix(names.Head, config.VocabularySize, config.HiddenSize);
        return new ModelWeights(embedding, layers, finalNorm, head, Scan(), [.. checkpoint.Files, checkpoint]);
    }

    private LayerWeights Layer(string layer)
    {
        int hidden = config.HiddenSize;
        int inner = config.IntermediateSize;
        int queries = config.QueryHeads * config.HeadSize;
        int keys = config.KeyValueHeads * config.HeadSize;
        bool normsHeads = config.Architecture == ModelFamily.Qwen3;
        WeightTensor inputNorm = Vector(layer + names.InputNorm, hidden);
        WeightTensor[] heads = Matrices(layer, names.QueryKeyValue, hidden, (names.Query, queries), (names.Key, keys), (names.Value, keys));
        WeightTensor output = Matrix(layer + names.Output, hidden, queries), postAttentionNorm = Vector(layer + names.PostAttentionNorm, hidden);
        WeightTensor[] gates = Matrices(layer, names.GateUp, hidden, (names.Gate, inner), (names.Up, inner));
        return new LayerWeights
        {
            InputNorm = inputNorm,
            Query = heads[0],
            Key = heads[1],
            Value = heads[2],
            Output = output,
            PostAttentionNorm = postAttentionNorm,
            Gate = gates[0],
            Up = gates[1],
            Down = Matrix(layer + names.Down, hidden, inner),
            QueryBias = Bias(layer + names.Query, queries),
            KeyBias = Bias(layer + names.Key, keys),
            ValueBias = Bias(layer + names.Value, keys),
            OutputBias = Bias(layer + names.Output, hidden),
            QueryNorm = normsHeads ? Vector(layer + names.QueryNorm, config.HeadSize) : null,
            KeyNorm = normsHeads ? Vector(layer + names.KeyNorm, config.HeadSize) : null,
            GateBias = Bias(layer + names.Gate, inner),
            UpBias = Bias(layer + names.Up, inner),
            DownBias = Bias(layer + names.Down, hidden),
        };
    }

    private WeightTensor Matrix(string stem, int rows, int columns) => Tensor(stem + ".weight", rows, columns);

    // Several matrices, each of its own or, in families that store them so, one above the other in one.
    private WeightTensor[] Matrices(string layer, string together, int columns, params ReadOnlySpan<(string Stem, int Rows)> parts)
    {
        WeightTensor[] matrices = new WeightTensor[parts.Length];
        int rows = 0;
        foreach ((_, int count) in parts)
            rows += count;
        WeightTensor? all = config.Architecture == ModelFamily.Phi3 && !checkpoint.Contains(layer + parts[0].Stem + ".weight")
            ? Matrix(layer + together, rows, columns)
            : null;
        for (int i = 0, row = 0; i < parts.Length; row += parts[i++].Rows)
            matrices[i] = all?.Part(row, parts[i].Rows) ?? Matrix(layer + parts[i].Stem, parts[i].Rows, columns);
        return matrices;
    }

    private WeightTensor Vector(string stem, int length) => VectorNamed(stem + ".weight", length);

    private WeightTensor? Bias(string stem, int length) =>
        checkpoint.Contains(stem + ".bias") ? VectorNamed(stem + ".bias", length) : null;

    private WeightTensor VectorNamed(string name, int length)
    {
        WeightTensor vector = Tensor(name, length);
        return !vector.Type.IsQuantized() ? vector : throw InputFile.Error(_found[^1].Path,
            $"tensor {name} is {vector.Type}; expected norms and biases in F32, F16 or BF16");
    }

    private WeightTensor Tensor(string name, params ReadOnlySpan<long> shape) => Stored(name, shape).View(name);

    /// <summary>The matrices of a layer's experts, one after the other in a tensor [experts, rows, columns]: views of it.</summary>
    private WeightTensor[] Experts(string name, int experts, int rows, int columns) => Stored(name, experts, rows, columns).Matrices(name);

    // A tensor whose shape is known to be right; it will be scanned.
    private StoredTensor Stored(string name, params ReadOnlySpan<long> shape)
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
