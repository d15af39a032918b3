using MoA.Engine.Files;

namespace MoA.Engine.Configuration.Families;

/// <summary>Llama 1, 2, 3 and what shares their layout (Vicuna, TinyLlama, SmolLM …).</summary>
internal sealed class Llama : ModelFamily
{
    public override string Name => "Llama";

    internal override string ModelType => "llama";

    internal override RopePairs GgufPairs => RopePairs.Adjacent;

    internal override ConfigDefaults Defaults => new() { MaxPositions = 2048, BosTokenId = 1, EosTokenId = 2 };

    internal override IReadOnlyList<(string Name, string Config)> Shapes { get; } =
    [
        (
            "llama-3.2-1b",
            """
            {
                "model_type": "llama", "hidden_size": 2048, "num_hidden_layers": 16, "num_attention_heads": 32, "num_key_value_heads": 8, "head_dim": 64,
                "intermediate_size": 8192, "vocab_size": 128256, "max_position_embeddings": 131072, "rms_norm_eps": 1e-5, "rope_theta": 500000,
                "rope_scaling": {
                    "rope_type": "llama3", "factor": 32, "low_freq_factor": 1, "high_freq_factor": 4, "original_max_position_embeddings": 8192
                },
                "tie_word_embeddings": true
            }
            """),
        (
            "llama-3-8b",
            """
            {
                "model_type": "llama", "hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8,
                "intermediate_size": 14336, "vocab_size": 128256, "max_position_embeddings": 8192, "rms_norm_eps": 1e-5, "rope_theta": 500000
            }
            """),
        (
            "vicuna-7b",
            """
            {
                "model_type": "llama", "hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32, "intermediate_size": 11008,
                "vocab_size": 32000, "max_position_embeddings": 16384, "rms_norm_eps": 1e-5, "rope_scaling": { "type": "linear", "factor": 4 }
            }
            """),
        (
            "vicuna-13b",
            """
            {
                "model_type": "llama", "hidden_size": 5120, "num_hidden_layers": 40, "num_attention_heads": 40, "intermediate_size": 13824,
                "vocab_size": 32000, "max_position_embeddings": 16384, "rms_norm_eps": 1e-5, "rope_scaling": { "type": "linear", "factor": 4 }
            }
            """),
    ];

    internal override bool Matches(string architecture, GgufMetadata metadata) =>
        architecture == GgufName && !metadata.Has("llama.attention.sliding_window") && !GgufConfig.HasExperts(architecture, metadata);
}
