using MoA.Engine.Generation;

namespace MoA.Evaluation.Estimates;

/// <summary>What a loaded model holds in every run.</summary>
internal static class ModelMemory
{
    /// <summary>Part of the weights.</summary>
    public const string Weights = "weights";

    /// <summary>Part of what a pass works in.</summary>
    public const string Activations = "activations";

    /// <summary>Weights count once: those that were copied are among what the device or the processor's backend has allocated.</summary>
    public static IEnumerable<EstimatedMemory> Of(LanguageModel model)
    {
        long allocated = model.Transformer.Backend.AllocatedBytes;
        return
        [
            new(Weights, model.Transformer.WeightBytes),
            new(Activations, Math.Max(0, allocated - model.Transformer.CopiedWeightBytes)),
        ];
    }
}
