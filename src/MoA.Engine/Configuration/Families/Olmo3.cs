using MoA.Engine.Files;

namespace MoA.Engine.Configuration.Families;

/// <summary>OLMo 3: OLMo 2 with a window in three of four layers, whose rotary embedding is not stretched.</summary>
internal sealed class Olmo3 : Olmo2
{
    public override string Name => "Olmo3";

    internal override string ModelType => "olmo3";

    internal override bool Matches(string architecture, GgufMetadata metadata) => architecture == GgufName && HasWindow(metadata);

    internal override ModelConfig Read(HuggingFaceConfig file) =>
        Shaped(file.Model(file.Windows(missing: 4096, Slides), file.Rope.Sliding ?? Unscaled(file.Rope.Full)));

    internal override ModelConfig Read(GgufConfig file) => Shaped(file.Model(Slides, local: Unscaled));

    private static bool Slides(int layer) => (layer + 1) % 4 != 0;

    private static RopeSettings Unscaled(RopeSettings full) => full with { Scaling = new RopeScaling.None() };
}
