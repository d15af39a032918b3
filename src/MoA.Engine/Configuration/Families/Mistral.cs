using MoA.Engine.Files;

namespace MoA.Engine.Configuration.Families;

/// <summary>Mistral: Llama with a sliding window.</summary>
internal sealed class Mistral : ModelFamily
{
    public override string Name => "Mistral";

    internal override string ModelType => "mistral";

    internal override string GgufName => "llama";

    internal override RopePairs GgufPairs => RopePairs.Adjacent;

    internal override ConfigDefaults Defaults => new() { MaxPositions = 131_072, BosTokenId = 1, EosTokenId = 2 };

    internal override IReadOnlyList<(string Name, string Config)> Shapes { get; } =
    [
        (
            "mistral-7b",
            """
            {
                "model_type": "mistral", "hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8,
                "intermediate_size": 14336, "vocab_size": 32000, "max_position_embeddings": 32768, "rms_norm_eps": 1e-5, "sliding_window": 4096
            }
            """),
    ];

    internal override bool Matches(string architecture, GgufMetadata metadata) =>
        architecture == "mistral" || (architecture == GgufName && metadata.Has("llama.attention.sliding_window"));

    internal override ModelConfig Read(HuggingFaceConfig file) => file.Model(file.Windows(missing: 4096, slides: _ => true));
}
