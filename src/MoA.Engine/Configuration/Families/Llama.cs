using MoA.Engine.Files;

namespace MoA.Engine.Configuration.Families;

/// <summary>Llama 1, 2, 3 and what shares their layout (Vicuna, TinyLlama, SmolLM …).</summary>
internal sealed class Llama : ModelFamily
{
    public override string Name => "Llama";

    internal override string ModelType => "llama";

    internal override RopePairs GgufPairs => RopePairs.Adjacent;

    internal override ConfigDefaults Defaults => new() { MaxPositions = 2048, BosTokenId = 1, EosTokenId = 2 };

    internal override bool Matches(string architecture, GgufMetadata metadata) =>
        architecture == GgufName && !metadata.Has("llama.attention.sliding_window");
}
