namespace MoA.Engine.Configuration.Families;

/// <summary>
/// Gemma 3 (text): Gemma 2 with norms of every query and key head in place of soft caps, a window in five of six layers, and a rotary
/// embedding of their own there.
/// </summary>
internal sealed class Gemma3 : Gemma2
{
    private const int LargestLayers = 62; // as in Gemma 2
    private const int Period = 6;
    private const double LocalTheta = 10_000;

    public override string Name => "Gemma3";

    internal override string ModelType => "gemma3_text";

    internal override string GgufName => "gemma3";

    internal override ConfigDefaults Defaults => base.Defaults with { MaxPositions = 131_072, VocabularySize = 262_208, RopeTheta = 1e6 };

    internal override IReadOnlyList<(string Name, string Config)> Shapes { get; } =
    [
        (
            "gemma-3-1b",
            """
            {
                "model_type": "gemma3_text", "hidden_size": 1152, "num_hidden_layers": 26, "num_attention_heads": 4, "num_key_value_heads": 1,
                "head_dim": 256, "intermediate_size": 6912, "vocab_size": 262144, "max_position_embeddings": 32768, "query_pre_attn_scalar": 256,
                "sliding_window": 512
            }
            """),
    ];

    internal override ModelConfig Read(HuggingFaceConfig file)
    {
        if (file["use_bidirectional_attention"].AsBoolean(missing: false))
            throw file["use_bidirectional_attention"].Refuse("is true; expected a model that generates text");
        int period = file["sliding_window_pattern"].AsOptionalInteger(1, int.MaxValue) ?? Period;
        RopeSettings local = file.Rope.Sliding ??
            new RopeSettings(file["rope_local_base_freq"].AsOptionalNumber(double.Epsilon, 1e30) ?? LocalTheta, new RopeScaling.None());
        ModelConfig model = file.Model(file.Windows(missing: 4096, layer => Slides(layer, period)), local);
        return WithHeadNorms(Shaped(
            model, ScaleOf(file), file.SoftCap("attn_logit_softcapping", missing: null), file.SoftCap("final_logit_softcapping", missing: null)));
    }

    internal override ModelConfig Read(GgufConfig file)
    {
        ModelConfig model = file.Model(layer => Slides(layer, Period));
        return WithHeadNorms(Shaped(
            model, ScaleOf(file, model, LargestLayers), file.SoftCap("attn_logit_softcapping", missing: null), file.SoftCap("final_logit_softcapping", missing: null)));
    }

    internal override RopeSettings GgufSlidingRope(RopeSettings full) => new(LocalTheta, new RopeScaling.None());

    internal override bool Accepts(string className) => base.Accepts(className) || className is "Gemma3ForConditionalGeneration" or "Gemma3TextModel";

    internal override IEnumerable<string> Unwritten(ModelConfig model) => UnwrittenScale(model, LargestLayers);

    internal override string? Unwritable(ModelConfig model) => null;

    private static bool Slides(int layer, int period) => (layer + 1) % period != 0;

    private static ModelConfig WithHeadNorms(ModelConfig model) => model.WithLayers(layer => layer with { QueryKeyNorm = QueryKeyNorm.PerHead });
}
