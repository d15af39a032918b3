using MoA.Engine.Configuration;

namespace MoA.Engine.Models.Loading;

/// <summary>A model as it stands on disk: its shape, its weights and its makers' wishes.</summary>
internal sealed class LoadedModel : IDisposable
{
    /// <summary>Gathers what a loader has checked against one another.</summary>
    internal LoadedModel(ModelConfig config, ModelWeights weights, GenerationConfig generation, string name)
    {
        Config = config;
        Weights = weights;
        Generation = generation;
        Name = name;
    }

    /// <summary>Shape and constants.</summary>
    public ModelConfig Config { get; }

    /// <summary>The weights; disposed with the model.</summary>
    public ModelWeights Weights { get; }

    /// <summary>How the makers want it sampled.</summary>
    public GenerationConfig Generation { get; }

    /// <summary>The folder's name, or the repository's if it is a snapshot in a Hugging Face cache; of a GGUF file the name in
    /// its metadata, or its own.</summary>
    public string Name { get; }

    /// <summary>Frees the weights, once no pass reads them any more.</summary>
    public void Dispose() => Weights.Dispose();
}
