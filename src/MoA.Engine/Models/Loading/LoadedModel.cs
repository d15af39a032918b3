using MoA.Engine.Configuration;

namespace MoA.Engine.Models.Loading;

/// <summary>A model as it stands on disk: its shape, its weights and its makers' wishes.</summary>
/// <param name="Config">Shape and constants.</param>
/// <param name="Weights">The weights; disposed with the model.</param>
/// <param name="Generation">How the makers want it sampled.</param>
/// <param name="Name">The folder's name, or the repository's if it is a snapshot in a Hugging Face cache; of a GGUF file the
/// name in its metadata, or its own.</param>
public sealed record LoadedModel(ModelConfig Config, ModelWeights Weights, GenerationConfig Generation, string Name)
    : IDisposable
{
    /// <inheritdoc/>
    public void Dispose() => Weights.Dispose();
}
