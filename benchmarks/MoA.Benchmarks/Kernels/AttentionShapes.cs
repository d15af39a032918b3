using MoA.Engine.Configuration;

namespace MoA.Benchmarks.Kernels;

/// <summary>Models of which only the attention is run.</summary>
internal static class AttentionShapes
{
    public static ModelConfig Config(int layers, int keyValueHeads, int group, int headSize) => new()
    {
        Architecture = ModelFamily.Named("Llama"),
        HiddenSize = keyValueHeads * group * headSize,
        LayerDescriptions = [.. Enumerable.Repeat(
            new LayerDescription
            {
                Rope = new RopeSettings(10_000, new RopeScaling.None()),
                FeedForward = new FeedForwardDescription { IntermediateSize = 1 },
            },
            layers)],
        QueryHeads = keyValueHeads * group,
        KeyValueHeads = keyValueHeads,
        HeadSize = headSize,
        VocabularySize = 1,
        MaxPositions = int.MaxValue,
        RmsNormEpsilon = 1e-5,
    };
}
