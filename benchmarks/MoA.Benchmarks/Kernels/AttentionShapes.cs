using MoA.Engine.Configuration;

namespace MoA.Benchmarks.Kernels;

/// <summary>Models of which only the attention is run.</summary>
internal static class AttentionShapes
{
    public static ModelConfig Config(int layers, int keyValueHeads, int group, int headSize) => new()
    {
        Architecture = ModelFamily.Llama,
        HiddenSize = keyValueHeads * group * headSize,
        IntermediateSize = 1,
        Layers = layers,
        QueryHeads = keyValueHeads * group,
        KeyValueHeads = keyValueHeads,
        HeadSize = headSize,
        VocabularySize = 1,
        MaxPositions = int.MaxValue,
        RmsNormEpsilon = 1e-5,
        RopeTheta = 10000,
    };
}
