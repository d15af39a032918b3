using MoA.Engine.Files;

namespace MoA.Engine.Configuration.Families;

/// <summary>Mistral: Llama with a sliding window.</summary>
internal sealed class Mistral : ModelFamily
{
    public override string Name => "Mistral";

    internal override string ModelType => "mistral";

    internal override string GgufName => "llama";

    internal override RopePairs GgufPairs => RopePairs.Adjacent;

    internal override ConfigDefaults Defaults => new() { MaxPositions = 131_072, BosTokenId = 1, EosTokenId = 2 };

    internal override bool Matches(string architecture, GgufMetadata metadata) =>
        architecture == "mistral" || (architecture == GgufName && metadata.Has("llama.attention.sliding_window"));

    internal override ModelConfig Read(HuggingFaceConfig file) => file.Model(file.Windows(missing: 4096, slides: _ => true));
}
