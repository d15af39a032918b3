using MoA.Engine.Files;

namespace MoA.Engine.Configuration.Families;

/// <summary>Mixtral: Mistral with experts.</summary>
internal sealed class Mixtral : ModelFamily
{
    public override string Name => "Mixtral";

    internal override string ModelType => "mixtral";

    internal override string GgufName => "llama";

    internal override RopePairs GgufPairs => RopePairs.Adjacent;

    internal override ConfigDefaults Defaults => new() { MaxPositions = 131_072, RmsNormEpsilon = 1e-5, RopeTheta = 1e6, BosTokenId = 1, EosTokenId = 2 };

    internal override WeightNames HuggingFaceNames => WeightNames.HuggingFace with
    {
        Router = "block_sparse_moe.gate",
        Experts =
        [
            new ExpertNames
            {
                Layout = ExpertLayout.Apart,
                Gate = "block_sparse_moe.experts.#.w1.weight",
                Up = "block_sparse_moe.experts.#.w3.weight",
                Down = "block_sparse_moe.experts.#.w2.weight",
            },
        ],
    };

    internal override IReadOnlyList<(string Name, string Config)> Shapes { get; } =
    [
        (
            "mixtral-8x7b",
            """
            {
                "model_type": "mixtral", "hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8,
                "intermediate_size": 14336, "vocab_size": 32000, "max_position_embeddings": 32768, "rope_theta": 1000000,
                "num_local_experts": 8, "num_experts_per_tok": 2
            }
            """),
    ];

    internal override bool Matches(string architecture, GgufMetadata metadata) => architecture == GgufName && GgufConfig.HasExperts(architecture, metadata);

    internal override ModelConfig Read(HuggingFaceConfig file)
    {
        ExpertDescription experts = file.Experts("num_local_experts", isNormalized: true);
        return file.Model(file.Windows(missing: null, slides: _ => true))
            .WithLayers(layer => layer with { FeedForward = layer.FeedForward with { Experts = experts } });
    }
}
