namespace MoA.Engine.Configuration.Families;

/// <summary>Qwen 2 and 2.5: biases on queries, keys and values, and windows in the upper layers where they are switched on.</summary>
internal class Qwen2 : ModelFamily
{
    public override string Name => "Qwen2";

    internal override string ModelType => "qwen2";

    internal override bool HasQueryKeyValueBiases => true;

    internal override IReadOnlyList<(string Name, string Config)> Shapes { get; } =
    [
        (
            "qwen2.5-0.5b",
            """
            {
                "model_type": "qwen2", "hidden_size": 896, "num_hidden_layers": 24, "num_attention_heads": 14, "num_key_value_heads": 2,
                "intermediate_size": 4864, "vocab_size": 151936, "max_position_embeddings": 32768, "rope_theta": 1000000, "tie_word_embeddings": true
            }
            """),
    ];

    internal override ModelConfig Read(HuggingFaceConfig file) => file.Model(Windows(file));

    private protected static int?[] Windows(HuggingFaceConfig file)
    {
        if (!file["use_sliding_window"].AsBoolean(missing: false))
            return [];
        int first = file["max_window_layers"].AsOptionalInteger(0, int.MaxValue) ?? 28;
        return file.Windows(missing: 4096, slides: layer => layer >= first);
    }
}
