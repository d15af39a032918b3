using MoA.Engine.Files;

namespace MoA.Engine.Configuration.Families;

/// <summary>OLMo 3: OLMo 2 with a window in three of four layers, whose rotary embedding is not stretched.</summary>
internal sealed class Olmo3 : Olmo2
{
    public override string Name => "Olmo3";

    internal override string ModelType => "olmo3";

    internal override IReadOnlyList<(string Name, string Config)> Shapes { get; } =
    [
        (
            "olmo-3-7b",
            """
            {
                "model_type": "olmo3", "hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32, "intermediate_size": 11008,
                "vocab_size": 100278, "max_position_embeddings": 65536, "rms_norm_eps": 1e-6, "rope_theta": 500000, "sliding_window": 4096,
                "rope_scaling": {
                    "rope_type": "yarn", "factor": 8, "original_max_position_embeddings": 8192, "attention_factor": 1.2079441541679836
                }
            }
            """),
    ];

    internal override bool Matches(string architecture, GgufMetadata metadata) => architecture == GgufName && HasWindow(metadata);

    internal override ModelConfig Read(HuggingFaceConfig file) =>
        Shaped(file.Model(file.Windows(missing: 4096, Slides), file.Rope.Sliding ?? Unscaled(file.Rope.Full)));

    internal override ModelConfig Read(GgufConfig file) => Shaped(file.Model(Slides));

    internal override RopeSettings GgufSlidingRope(RopeSettings full) => Unscaled(full);

    private static bool Slides(int layer) => (layer + 1) % 4 != 0;

    private static RopeSettings Unscaled(RopeSettings full) => full with { Scaling = new RopeScaling.None() };
}
