using MoA.Engine.Configuration;
using MoA.Engine.Files;
using MoA.Engine.Hub;
using MoA.Engine.Parallelism;

namespace MoA.Engine.Models.Loading;

/// <summary>
/// Loads a model from a folder in Hugging Face's layout: <c>config.json</c>,
/// <c>model.safetensors</c> or <c>pytorch_model.bin</c> or their shards, and perhaps <c>generation_config.json</c>.
/// </summary>
internal static class HuggingFaceFolder
{
    /// <summary>
    /// Maps the weights, checks every shape and that every weight is a finite number. Weights are used where they are
    /// mapped, in the format they are stored in. Tensors that the model does not need are ignored.
    /// </summary>
    /// <param name="folder">The folder.</param>
    /// <param name="threads">Most threads for checking; 0 means one for each processor.</param>
    /// <param name="cancellation">Ends the loading.</param>
    /// <exception cref="InvalidInputException">The folder, a file, a value or a tensor is missing or
    /// unusable.</exception>
    /// <exception cref="OperationCanceledException">Loading was cancelled.</exception>
    public static LoadedModel Load(string folder, int threads = 0, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(folder);
        RequireFolder(folder);
        ModelConfig config = ModelConfig.Load(Path.Combine(folder, ModelPath.ConfigFile));
        GenerationConfig generation = GenerationConfig.Load(folder);
        HuggingFaceCheckpoint checkpoint = HuggingFaceCheckpoint.Open(folder);
        try
        {
            ModelWeights weights = WeightReader.Read(
                config, checkpoint.Placed(config.Architecture.HuggingFaceNames), checkpoint, ParallelWork.Options(threads, cancellation));
            return new LoadedModel(config, weights, generation, NameOf(folder));
        }
        catch
        {
            checkpoint.Dispose();
            throw;
        }
    }

    /// <summary>Refuses what is no folder.</summary>
    internal static void RequireFolder(string folder)
    {
        if (!Directory.Exists(folder))
        {
            throw InputFile.Error(folder, File.Exists(folder)
                ? $"is a file; expected a folder with {ModelPath.ConfigFile} and model.safetensors, or a file named *.gguf"
                : "there is no such folder");
        }
    }

    /// <summary>The folder's name, or the repository's of a snapshot in a Hugging Face cache.</summary>
    internal static string NameOf(string folder) =>
        HubCache.RepositoryOf(folder) ?? Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder)));
}
