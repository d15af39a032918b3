using MoA.Engine.Numerics;

namespace MoA.Engine.Models.Loading;

/// <summary>
/// Finds the tensors of a model in a checkpoint by the names of the transformers library and checks them.
/// </summary>
internal sealed class HuggingFaceWeights(ModelConfig config, Checkpoint checkpoint)
{
    private readonly List<WeightTensor> _found = [];

    /// <summary>All weights of the model.</summary>
    /// <exception cref="InvalidInputException">A tensor is missing, has another shape or dtype than expected, or holds
    /// NaN or infinity.</exception>
    public ModelWeights Read()
    {
        WeightTensor embedding = Matrix("model.embed_tokens", config.VocabularySize, config.HiddenSize);
        LayerWeights[] layers = new LayerWeights[config.Layers];
        for (int layer = 0; layer < layers.Length; layer++)
            layers[layer] = Layer($"model.layers.{layer}.");
        WeightTensor finalNorm = Vector("model.norm.weight", config.HiddenSize);
        WeightTensor head = config.TieWordEmbeddings
            ? embedding
            : Matrix("lm_head", config.VocabularySize, config.HiddenSize);
        RefuseNonFinite();
        return new ModelWeights(embedding, layers, finalNorm, head, checkpoint.Files);
    }

    private LayerWeights Layer(string prefix)
    {
        int hidden = config.HiddenSize;
        int inner = config.IntermediateSize;
        int queries = config.QueryHeads * config.HeadSize;
        int keys = config.KeyValueHeads * config.HeadSize;
        string attention = prefix + "self_attn.";
        string mlp = prefix + "mlp.";
        bool normsHeads = config.Architecture == ModelFamily.Qwen3;
        return new LayerWeights
        {
            InputNorm = Vector(prefix + "input_layernorm.weight", hidden),
            Query = Matrix(attention + "q_proj", queries, hidden),
            Key = Matrix(attention + "k_proj", keys, hidden),
            Value = Matrix(attention + "v_proj", keys, hidden),
            Output = Matrix(attention + "o_proj", hidden, queries),
            PostAttentionNorm = Vector(prefix + "post_attention_layernorm.weight", hidden),
            Gate = Matrix(mlp + "gate_proj", inner, hidden),
            Up = Matrix(mlp + "up_proj", inner, hidden),
            Down = Matrix(mlp + "down_proj", hidden, inner),
            QueryBias = Bias(attention + "q_proj", queries),
            KeyBias = Bias(attention + "k_proj", keys),
            ValueBias = Bias(attention + "v_proj", keys),
            OutputBias = Bias(attention + "o_proj", hidden),
            QueryNorm = normsHeads ? Vector(attention + "q_norm.weight", config.HeadSize) : null,
            KeyNorm = normsHeads ? Vector(attention + "k_norm.weight", config.HeadSize) : null,
            GateBias = Bias(mlp + "gate_proj", inner),
            UpBias = Bias(mlp + "up_proj", inner),
            DownBias = Bias(mlp + "down_proj", hidden),
        };
    }

    private WeightTensor Matrix(string module, int rows, int columns) => Tensor(module + ".weight", rows, columns);

    private WeightTensor Vector(string name, int length) => Tensor(name, length);

    private WeightTensor? Bias(string module, int length) =>
        checkpoint.Contains(module + ".bias") ? Vector(module + ".bias", length) : null;

    private unsafe WeightTensor Tensor(string name, params ReadOnlySpan<long> shape)
    {
        SafetensorsFile file = checkpoint.FileOf(name);
        SafetensorsEntry entry = file[name];
        if (!shape.SequenceEqual(entry.Shape))
        {
            string found = JsonFields.Cut(string.Join(", ", entry.Shape));
            throw InputFile.Error(file.Path,
                $"tensor {name} has shape [{found}]; expected [{string.Join(", ", shape.ToArray())}] by config.json");
        }

        ElementType type = entry.DType switch
        {
            "F32" => ElementType.F32,
            "F16" => ElementType.F16,
            "BF16" => ElementType.BF16,
            _ => throw InputFile.Error(file.Path, $"tensor {name} is {entry.DType}; expected F32, F16 or BF16"),
        };
        int rows = shape.Length == 1 ? 1 : (int)shape[0];
        WeightTensor weight = new(name, type, rows, (int)shape[^1], entry.Data);
        _found.Add(weight);
        return weight;
    }

    private void RefuseNonFinite()
    {
        if (NonFiniteScan.First(_found) is not (int tensor, long position))
            return;
        WeightTensor weight = _found[tensor];
        (long row, long column) = Math.DivRem(position, weight.Columns);
        string place = weight.Rows == 1 ? $"element {column}" : $"row {row}, column {column}";
        throw InputFile.Error(checkpoint.FileOf(weight.Name).Path,
            $"tensor {weight.Name} holds NaN or infinity at {place}; expected finite numbers");
    }
}
