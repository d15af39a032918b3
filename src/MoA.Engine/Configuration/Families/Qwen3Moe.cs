using MoA.Engine.Files;

namespace MoA.Engine.Configuration.Families;

/// <summary>Qwen 3 with experts, in all layers or in some.</summary>
internal sealed class Qwen3Moe : Qwen3
{
    private const string NormKey = "qwen3moe.expert_weights_norm";

    public override string Name => "Qwen3Moe";

    internal override string ModelType => "qwen3_moe";

    internal override string GgufName => "qwen3moe";

    internal override WeightNames HuggingFaceNames => WeightNames.HuggingFace with
    {
        Router = "mlp.gate",
        Experts =
        [
            new ExpertNames
            {
                Layout = ExpertLayout.Apart,
                Gate = "mlp.experts.#.gate_proj.weight",
                Up = "mlp.experts.#.up_proj.weight",
                Down = "mlp.experts.#.down_proj.weight",
            },
        ],
    };

    internal override IReadOnlyList<(string Name, string Config)> Shapes { get; } =
    [
        (
            "qwen3-30b-a3b",
            """
            {
                "model_type": "qwen3_moe", "hidden_size": 2048, "num_hidden_layers": 48, "num_attention_heads": 32, "num_key_value_heads": 4,
                "head_dim": 128, "intermediate_size": 6144, "moe_intermediate_size": 768, "vocab_size": 151936, "max_position_embeddings": 40960,
                "rope_theta": 1000000, "num_experts": 128, "num_experts_per_tok": 8, "norm_topk_prob": true
            }
            """),
    ];

    internal override ModelConfig Read(HuggingFaceConfig file)
    {
        ExpertDescription experts = file.Experts("num_experts", file["norm_topk_prob"].AsBoolean(missing: false));
        int width = file["moe_intermediate_size"].AsInteger(1, HuggingFaceConfig.LargestWidth);
        int step = file["decoder_sparse_step"].AsOptionalInteger(1, int.MaxValue) ?? 1;
        int[] dense = file["mlp_only_layers"] is { HasValue: true } given ? [.. given.Items().Select(layer => layer.AsInteger(0, int.MaxValue))] : [];
        return base.Read(file).WithLayers((layer, index) => dense.Contains(index) || (index + 1) % step != 0
            ? layer
            : layer with { FeedForward = layer.FeedForward with { IntermediateSize = width, Experts = experts } });
    }

    internal override void Write(GgufWriter file, ModelConfig model)
    {
        if (!AreNormalized(model))
            file.Add(NormKey, false);
    }

    internal override IEnumerable<string> Unwritten(ModelConfig model)
    {
        if (!AreNormalized(model))
            yield return "other programs divide the weights of a token's experts by their sum, which this model does not; MoA heeds what the file says of it";
        if (model.LayerDescriptions.Any(layer => layer.FeedForward.Experts is null))
            yield return "other programs do not open files of which only some layers have experts; MoA does";
    }

    private static bool AreNormalized(ModelConfig model) => model.LayerDescriptions.All(layer => layer.FeedForward.Experts?.IsNormalized ?? true);
}
