namespace MoA.Engine.Configuration.Families;

/// <summary>Phi 3, 3.5 and 4-mini: one matrix for queries, keys and values, one for gate and up.</summary>
internal sealed class Phi3 : ModelFamily
{
    public override string Name => "Phi3";

    internal override string ModelType => "phi3";

    internal override ConfigDefaults Defaults => new() { MaxPositions = 4096, RmsNormEpsilon = 1e-5 };

    internal override WeightNames HuggingFaceNames => WeightNames.HuggingFace with { QueryKeyValue = "self_attn.qkv_proj", GateUp = "mlp.gate_up_proj" };

    internal override WeightNames GgufNames => WeightNames.Gguf with { QueryKeyValue = "attn_qkv", GateUp = "ffn_up" };

    internal override IReadOnlyList<(string Name, string Config)> Shapes { get; } =
    [
        (
            "phi-3-mini",
            """
            {
                "model_type": "phi3", "hidden_size": 3072, "num_hidden_layers": 32, "num_attention_heads": 32, "intermediate_size": 8192,
                "vocab_size": 32064, "max_position_embeddings": 4096, "sliding_window": 2047
            }
            """),
    ];

    internal override ModelConfig Read(HuggingFaceConfig file) => file.Model(file.Windows(missing: null, slides: _ => true));
}
