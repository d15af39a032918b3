using MoA.Engine.Generation;

namespace MoA.Evaluation.Estimates;

/// <summary>What a loaded model holds in every run.</summary>
internal static class ModelMemory
{
    /// <summary>A device counts the weights that were copied to it with what it allocates, the processor maps them.</summary>
    public static IEnumerable<EstimatedMemory> Of(LanguageModel model)
    {
        long weights = model.Transformer.WeightBytes, allocated = model.Transformer.Backend.AllocatedBytes;
        return
        [
            new("weights", weights),
            new("activations", model.Transformer.Backend.Gauge is null ? allocated : Math.Max(0, allocated - weights)),
        ];
    }
}
