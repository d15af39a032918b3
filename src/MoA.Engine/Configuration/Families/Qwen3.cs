namespace MoA.Engine.Configuration.Families;

/// <summary>Qwen 3 (dense): RMS norms of every query and key head before RoPE, no biases.</summary>
internal class Qwen3 : Qwen2
{
    public override string Name => "Qwen3";

    internal override string ModelType => "qwen3";

    internal override bool HasQueryKeyValueBiases => false;

    internal override IReadOnlyList<(string Name, string Config)> Shapes { get; } =
    [
        (
            "qwen3-0.6b",
            """
            {
                "model_type": "qwen3", "hidden_size": 1024, "num_hidden_layers": 28, "num_attention_heads": 16, "num_key_value_heads": 8,
                "head_dim": 128, "intermediate_size": 3072, "vocab_size": 151936, "max_position_embeddings": 40960, "rope_theta": 1000000,
                "tie_word_embeddings": true
            }
            """),
    ];

    internal override ModelConfig Read(HuggingFaceConfig file) => Shaped(base.Read(file));

    internal override ModelConfig Read(GgufConfig file) => Shaped(base.Read(file));

    private static ModelConfig Shaped(ModelConfig model) => model.WithLayers(layer => layer with { QueryKeyNorm = QueryKeyNorm.PerHead });
}
