using MoA.Engine.Configuration;
using MoA.Engine.Files;
using MoA.Engine.Numerics;
using MoA.Engine.Parallelism;

namespace MoA.Engine.Models.Loading;

/// <summary>Models by path, whatever they are stored as: a Hugging Face folder, a GGUF file, or a folder with one.</summary>
internal static class ModelFile
{
    /// <summary>Loads a model; its weights stay where they are mapped, unless another format is asked for.</summary>
    /// <param name="path">A folder with <c>config.json</c>, a <c>.gguf</c> file, or a folder that holds one of these and no
    /// <c>config.json</c>.</param>
    /// <param name="weights">Format to convert the matrices to, or null to use them as stored.</param>
    /// <param name="threads">Most threads for checking and converting; 0 means one for each processor.</param>
    /// <param name="cancellation">Ends the loading.</param>
    /// <exception cref="InvalidInputException">The path or a file, a value or a tensor in it is missing or
    /// unusable.</exception>
    /// <exception cref="OperationCanceledException">Loading was cancelled.</exception>
    public static LoadedModel Load(string path, ElementType? weights = null, int threads = 0, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(path);
        LoadedModel model = ModelPath.FindGguf(path) is string file
            ? GgufModel.Load(file, threads, cancellation)
            : HuggingFaceFolder.Load(path, threads, cancellation);
        return weights is ElementType type ? WeightConversion.Convert(model, type, ParallelWork.Options(threads, cancellation)) : model;
    }

    /// <summary>Reads a model's shape alone.</summary>
    /// <param name="path">As <see cref="Load"/> takes it.</param>
    /// <exception cref="InvalidInputException">The path, a file or a value is missing or unusable.</exception>
    public static ModelConfig ReadConfig(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        if (ModelPath.FindGguf(path) is not string file)
            return ModelConfig.Load(Path.Combine(path, ModelPath.ConfigFile));
        using GgufCheckpoint checkpoint = GgufCheckpoint.Open(file);
        return GgufConfig.Read(checkpoint);
    }
}
