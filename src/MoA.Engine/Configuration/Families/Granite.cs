using MoA.Engine.Files;

namespace MoA.Engine.Configuration.Families;

/// <summary>Granite (dense): Llama with scaled embeddings, scores, branches and logits.</summary>
internal sealed class Granite : ModelFamily
{
    private const double Least = 1e-6, Most = 1e6;

    public override string Name => "Granite";

    internal override string ModelType => "granite";

    internal override RopePairs GgufPairs => RopePairs.Adjacent;

    internal override ConfigDefaults Defaults => new() { MaxPositions = 2048, BosTokenId = 1, EosTokenId = 2 };

    internal override IReadOnlyList<(string Name, string Config)> Shapes { get; } =
    [
        (
            "granite-3.3-2b",
            """
            {
                "model_type": "granite", "hidden_size": 2048, "num_hidden_layers": 40, "num_attention_heads": 32, "num_key_value_heads": 8,
                "intermediate_size": 8192, "vocab_size": 49159, "max_position_embeddings": 131072, "rms_norm_eps": 1e-5, "rope_theta": 10000000,
                "embedding_multiplier": 12, "attention_multiplier": 0.015625, "residual_multiplier": 0.22, "logits_scaling": 8,
                "tie_word_embeddings": true
            }
            """),
    ];

    internal override ModelConfig Read(HuggingFaceConfig file)
    {
        return Shaped(file.Model(), Number("embedding_multiplier"), Number("attention_multiplier"), Number("residual_multiplier"), Number("logits_scaling"));

        double Number(string key) => file[key].AsOptionalNumber(Least, Most) ?? 1;
    }

    internal override ModelConfig Read(GgufConfig file)
    {
        ModelConfig model = file.Model();
        double attention = file.AttentionScale ?? model.AttentionScale(0);
        model = Shaped(model, Number("embedding_scale"), attention, Number("residual_scale"), Number("logit_scale"));
        return file.Metadata.Bool(file.Key("rope.scaling.finetuned"), missing: true) ? model : model.WithLayers(layer => layer with { Rope = null });

        double Number(string name) => file.Metadata.OptionalDouble(file.Key(name), 0, Most) is double number and > 0 ? number : 1;
    }

    internal override void Write(GgufWriter file, ModelConfig model)
    {
        file.Add("granite.embedding_scale", (float)model.EmbeddingScale);
        file.Add("granite.residual_scale", (float)model.LayerDescriptions[0].ResidualScale);
        file.Add("granite.logit_scale", (float)(1 / model.LogitScale));
    }

    private static ModelConfig Shaped(ModelConfig model, double embedding, double attention, double residual, double logits) =>
        model.WithLayers(layer => layer with { AttentionScale = model.ScaleOrDefault(attention), ResidualScale = residual }) with
        {
            EmbeddingScale = embedding,
            LogitScale = 1 / logits,
        };
}
