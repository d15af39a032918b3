namespace MoA.Engine.Configuration.Families;

/// <summary>gpt-oss: experts with biases and a limited activation, sinks, and a window in every other layer.</summary>
internal sealed class GptOss : ModelFamily
{
    private const double Limit = 7;

    public override string Name => "GptOss";

    internal override string ModelType => "gpt_oss";

    internal override string GgufName => "gpt-oss";

    internal override ConfigDefaults Defaults => new() { MaxPositions = 131_072, RmsNormEpsilon = 1e-5, RopeTheta = 150_000, Activation = Activation.ClampedSilu };

    internal override bool GgufYarnTruncates => false;

    internal override bool HasQueryKeyValueBiases => true;

    internal override bool HasOutputBias => true;

    internal override bool ReadsMxfp4 => true;

    internal override WeightNames HuggingFaceNames => WeightNames.HuggingFace with
    {
        Sinks = "self_attn.sinks",
        Router = "mlp.router",
        Experts =
        [
            new ExpertNames
            {
                Layout = ExpertLayout.Alternating,
                Gate = "mlp.experts.gate_up_proj",
                Down = "mlp.experts.down_proj",
                GateBias = "mlp.experts.gate_up_proj_bias",
                DownBias = "mlp.experts.down_proj_bias",
            },
        ],
    };

    internal override WeightNames GgufNames => WeightNames.Gguf with { FeedForwardNorm = "post_attention_norm", Sinks = "attn_sinks.weight" };

    internal override IReadOnlyList<(string Name, string Config)> Shapes { get; } =
    [
        (
            "gpt-oss-20b",
            """
            {
                "model_type": "gpt_oss", "hidden_size": 2880, "num_hidden_layers": 24, "num_attention_heads": 64, "num_key_value_heads": 8,
                "head_dim": 64, "intermediate_size": 2880, "vocab_size": 201088, "sliding_window": 128,
                "rope_scaling": {
                    "rope_type": "yarn", "factor": 32, "original_max_position_embeddings": 4096, "beta_fast": 32, "beta_slow": 1, "truncate": false
                },
                "num_local_experts": 32, "num_experts_per_tok": 4
            }
            """),
    ];

    internal override ModelConfig Read(HuggingFaceConfig file)
    {
        if (file["swiglu_limit"].AsOptionalNumber(0, 1e6) is double limit and not Limit)
            throw file["swiglu_limit"].Expected($"{Limit}, the only limit that is run, not {limit}");
        ExpertDescription experts = file.Experts("num_local_experts", isNormalized: true);
        return file.Model(file.Windows(missing: 128, Slides)).WithLayers(layer => Shaped(layer, experts));
    }

    internal override ModelConfig Read(GgufConfig file) =>
        file.Model(Slides).WithLayers(layer => Shaped(layer, layer.FeedForward.Experts ?? throw file.Metadata.Missing(file.Key("expert_count"))));

    internal override IEnumerable<string> Unwritten(ModelConfig model)
    {
        if (model.Rope?.Scaling is RopeScaling.Yarn { Truncates: false })
            yield return "other programs round the ends of yarn's blend to whole indices, which changes logits a little; MoA does not";
        if (Enumerable.Range(0, model.Layers).Any(layer => Slides(layer) != (model.SlidingWindow(layer) is not null)))
            yield return "other programs give every other layer a window, the first one on, whatever the file says; MoA heeds it";
    }

    private static bool Slides(int layer) => layer % 2 == 0;

    private static LayerDescription Shaped(LayerDescription layer, ExpertDescription experts) => layer with
    {
        HasSinks = true,
        FeedForward = layer.FeedForward with { Activation = Activation.ClampedSilu, Experts = experts with { HasBiases = true } },
    };
}
