using MoA.Engine.Generation;

namespace MoA.Evaluation.Estimates;

/// <summary>What a loaded model holds in every run.</summary>
internal static class ModelMemory
{
    public static IEnumerable<EstimatedMemory> Of(LanguageModel model) =>
    [
        new("weights", model.Transformer.WeightBytes),
        new("activations", model.Transformer.Backend.AllocatedBytes),
    ];
}
