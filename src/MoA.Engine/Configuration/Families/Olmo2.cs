using MoA.Engine.Files;

namespace MoA.Engine.Configuration.Families;

/// <summary>OLMo 2: norms behind both branches and none before them, and norms of queries and keys over all heads.</summary>
internal class Olmo2 : ModelFamily
{
    private const string WindowKey = "olmo2.attention.sliding_window";

    public override string Name => "Olmo2";

    internal override string ModelType => "olmo2";

    internal override string GgufName => "olmo2";

    internal override ConfigDefaults Defaults => new() { MaxPositions = 2048, RmsNormEpsilon = 1e-5, EosTokenId = 50_279 };

    internal override WeightNames HuggingFaceNames => WeightNames.HuggingFace with
    {
        AttentionOutputNorm = "post_attention_layernorm",
        FeedForwardOutputNorm = "post_feedforward_layernorm",
    };

    internal override WeightNames GgufNames => WeightNames.Gguf with { AttentionOutputNorm = "post_attention_norm", FeedForwardOutputNorm = "post_ffw_norm" };

    internal override IReadOnlyList<(string Name, string Config)> Shapes { get; } =
    [
        (
            "olmo-2-1b",
            """
            {
                "model_type": "olmo2", "hidden_size": 2048, "num_hidden_layers": 16, "num_attention_heads": 16, "intermediate_size": 8192,
                "vocab_size": 100352, "max_position_embeddings": 4096, "rms_norm_eps": 1e-6, "rope_theta": 500000
            }
            """),
    ];

    internal override bool Matches(string architecture, GgufMetadata metadata) => architecture == GgufName && !HasWindow(metadata);

    internal override ModelConfig Read(HuggingFaceConfig file) => Shaped(file.Model());

    internal override ModelConfig Read(GgufConfig file) => Shaped(file.Model());

    /// <summary>Whether a file of the architecture is of OLMo 3.</summary>
    private protected static bool HasWindow(GgufMetadata metadata) => metadata.OptionalInt(WindowKey, 0, int.MaxValue) is > 0;

    /// <summary>What all models of the family are.</summary>
    private protected static ModelConfig Shaped(ModelConfig model) =>
        model.WithLayers(layer => layer with { Norms = NormPlacement.After, QueryKeyNorm = QueryKeyNorm.WholeProjection });
}
