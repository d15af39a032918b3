namespace MoA.Engine.Configuration.Families;

/// <summary>Qwen 3 (dense): RMS norms of every query and key head before RoPE, no biases.</summary>
internal sealed class Qwen3 : Qwen2
{
    public override string Name => "Qwen3";

    internal override string ModelType => "qwen3";

    internal override bool HasQueryKeyValueBiases => false;

    internal override ModelConfig Read(HuggingFaceConfig file) => Shaped(base.Read(file));

    internal override ModelConfig Read(GgufConfig file) => Shaped(base.Read(file));

    private static ModelConfig Shaped(ModelConfig model) => model.WithLayers(layer => layer with { QueryKeyNorm = QueryKeyNorm.PerHead });
}
