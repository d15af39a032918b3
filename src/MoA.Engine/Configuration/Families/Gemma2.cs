namespace MoA.Engine.Configuration.Families;

/// <summary>
/// Gemma 2: norms around both branches, stored as differences from 1, GeGLU, soft caps, a scaled embedding, and a window in every second layer.
/// </summary>
internal class Gemma2 : ModelFamily
{
    // Of the 27B model, whose scores are scaled as if heads shared the hidden size; GGUF files do not say so.
    private const int LargestLayers = 46;

    public override string Name => "Gemma2";

    internal override string ModelType => "gemma2";

    internal override ConfigDefaults Defaults => new()
    {
        MaxPositions = 8192,
        VocabularySize = 256_000,
        QueryHeads = 8,
        KeyValueHeads = 4,
        HeadSize = 256,
        TieWordEmbeddings = true,
        BosTokenId = 2,
        EosTokenId = 1,
        Activation = Activation.GeluTanh,
    };

    internal override WeightNames HuggingFaceNames => WeightNames.HuggingFace with
    {
        AttentionOutputNorm = "post_attention_layernorm",
        FeedForwardNorm = "pre_feedforward_layernorm",
        FeedForwardOutputNorm = "post_feedforward_layernorm",
        NormOffset = 1,
    };

    internal override WeightNames GgufNames => WeightNames.Gguf with { AttentionOutputNorm = "post_attention_norm", FeedForwardOutputNorm = "post_ffw_norm" };

    internal override IReadOnlyList<(string Name, string Config)> Shapes { get; } =
    [
        (
            "gemma-2-2b",
            """
            {
                "model_type": "gemma2", "hidden_size": 2304, "num_hidden_layers": 26, "num_attention_heads": 8, "num_key_value_heads": 4,
                "head_dim": 256, "intermediate_size": 9216, "vocab_size": 256000, "query_pre_attn_scalar": 256, "sliding_window": 4096
            }
            """),
    ];

    internal override ModelConfig Read(HuggingFaceConfig file) => Shaped(
        file.Model(file.Windows(missing: 4096, Slides)), ScaleOf(file), file.SoftCap("attn_logit_softcapping", missing: 50), file.SoftCap("final_logit_softcapping", missing: 30));

    internal override ModelConfig Read(GgufConfig file)
    {
        ModelConfig model = file.Model(Slides, missingWindow: 4096);
        return Shaped(model, ScaleOf(file, model, LargestLayers), file.SoftCap("attn_logit_softcapping", missing: 50), file.SoftCap("final_logit_softcapping", missing: 30));
    }

    internal override IEnumerable<string> Unwritten(ModelConfig model) => UnwrittenScale(model, LargestLayers);

    internal override string? Unwritable(ModelConfig model) =>
        model.LogitSoftCap is null || model.LayerDescriptions.Any(layer => layer.AttentionSoftCap is null)
            ? "a Gemma 2 without soft caps, which GGUF takes to be 50 and 30"
            : null;

    /// <summary>The scale that a config.json says.</summary>
    private protected static double ScaleOf(HuggingFaceConfig file) => 1 / Math.Sqrt(file["query_pre_attn_scalar"].AsOptionalNumber(1e-6, 1e9) ?? 256);

    /// <summary>The scale that a file says, or that llama.cpp takes it to be.</summary>
    /// <param name="file">The file.</param>
    /// <param name="model">The model.</param>
    /// <param name="largest">Layers of the family's largest model.</param>
    private protected static double ScaleOf(GgufConfig file, ModelConfig model, int largest) => file.AttentionScale ?? ImpliedScale(model, largest);

    /// <summary>Says that llama.cpp takes another scale, where it does.</summary>
    private protected static IEnumerable<string> UnwrittenScale(ModelConfig model, int largest)
    {
        double implied = ImpliedScale(model, largest);
        if (Math.Abs(model.AttentionScale(0) / implied - 1) > 1e-6)
        {
            yield return FormattableString.Invariant(
                $"llama.cpp multiplies this family's scores by {implied:0.####} and not by {model.AttentionScale(0):0.####}; the file says so, but only MoA heeds it");
        }
    }

    /// <summary>What all models of the family are.</summary>
    private protected static ModelConfig Shaped(ModelConfig model, double scale, double? attentionCap, double? logitCap) => model.WithLayers(layer => layer with
    {
        Norms = NormPlacement.Around,
        AttentionScale = model.ScaleOrDefault(scale),
        AttentionSoftCap = attentionCap,
    }) with
    {
        EmbeddingScale = Math.Sqrt(model.HiddenSize),
        LogitSoftCap = logitCap,
    };

    private static bool Slides(int layer) => layer % 2 == 0;

    private static double ImpliedScale(ModelConfig model, int largest) =>
        1 / Math.Sqrt(model.Layers == largest ? model.HiddenSize / model.QueryHeads : model.HeadSize);
}
