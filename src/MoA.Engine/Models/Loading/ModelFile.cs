using MoA.Engine.Files;
using MoA.Engine.Numerics;

namespace MoA.Engine.Models.Loading;

/// <summary>Models by path, whatever they are stored as: a Hugging Face folder, a GGUF file, or a folder with one.</summary>
public static class ModelFile
{
    /// <summary>Loads a model; its weights stay where they are mapped, unless another format is asked for.</summary>
    /// <param name="path">A folder with <c>config.json</c>, a <c>.gguf</c> file, or a folder that holds one of these and no
    /// <c>config.json</c>.</param>
    /// <param name="weights">Format to convert the matrices to, or null to use them as stored.</param>
    /// <param name="threads">Most threads for converting; 0 means one for each processor.</param>
    /// <exception cref="InvalidInputException">The path or a file, a value or a tensor in it is missing or
    /// unusable.</exception>
    public static LoadedModel Load(string path, ElementType? weights = null, int threads = 0)
    {
        ArgumentNullException.ThrowIfNull(path);
        LoadedModel model = ModelPath.FindGguf(path) is string file ? GgufModel.Load(file) : HuggingFaceFolder.Load(path);
        return weights is ElementType type
            ? WeightConversion.Convert(model, type, threads > 0 ? threads : Environment.ProcessorCount)
            : model;
    }
}
