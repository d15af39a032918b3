namespace MoA.Engine.Configuration.Families;

/// <summary>Phi 3, 3.5 and 4-mini: one matrix for queries, keys and values, one for gate and up.</summary>
internal sealed class Phi3 : ModelFamily
{
    public override string Name => "Phi3";

    internal override string ModelType => "phi3";

    internal override ConfigDefaults Defaults => new() { MaxPositions = 4096, RmsNormEpsilon = 1e-5 };

    internal override WeightNames HuggingFaceNames => WeightNames.HuggingFace with { QueryKeyValue = "self_attn.qkv_proj", GateUp = "mlp.gate_up_proj" };

    internal override WeightNames GgufNames => WeightNames.Gguf with { QueryKeyValue = "attn_qkv", GateUp = "ffn_up" };

    internal override ModelConfig Read(HuggingFaceConfig file) => file.Model(file.Windows(missing: null, slides: _ => true));
}
