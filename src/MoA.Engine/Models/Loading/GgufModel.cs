using MoA.Engine.Configuration;
using MoA.Engine.Files;
using MoA.Engine.Parallelism;

namespace MoA.Engine.Models.Loading;

/// <summary>Loads a model from a GGUF file or from the numbered parts of one.</summary>
internal static class GgufModel
{
    private const string TopKKey = "general.sampling.top_k";

    /// <summary>
    /// Maps the weights, checks every shape and that every weight is a finite number. Weights are used where they are
    /// mapped, in the format they are stored in. Tensors that the model does not need are ignored.
    /// </summary>
    /// <param name="path">The file, or any part of a model in parts.</param>
    /// <param name="threads">Most threads for checking; 0 means one for each processor.</param>
    /// <param name="cancellation">Ends the loading.</param>
    /// <exception cref="InvalidInputException">A file, a value or a tensor is missing or unusable.</exception>
    /// <exception cref="OperationCanceledException">Loading was cancelled.</exception>
    public static LoadedModel Load(string path, int threads = 0, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(path);
        GgufCheckpoint checkpoint = GgufCheckpoint.Open(path);
        try
        {
            ModelConfig config = GgufConfig.Read(checkpoint);
            ModelWeights weights = WeightReader.Read(config, config.Architecture.GgufNames, checkpoint, ParallelWork.Options(threads, cancellation));
            return new LoadedModel(config, weights, Generation(checkpoint.Metadata), NameOf(checkpoint));
        }
        catch
        {
            checkpoint.Dispose();
            throw;
        }
    }

    private static readonly string[] UnappliedKeys = ["general.sampling.xtc_probability", "general.sampling.mirostat"];

    private static GenerationConfig Generation(GgufMetadata metadata)
    {
        double? temperature = metadata.OptionalDouble("general.sampling.temp", 0, 1000);
        double? repetition = metadata.OptionalDouble("general.sampling.penalty_repeat", 0.001, 1000);
        return new GenerationConfig
        {
            DoSample = temperature is null ? null : temperature > 0,
            Temperature = temperature,
            TopK = metadata.Has(TopKKey) ? Math.Max(metadata.OptionalIntOrNone(TopKKey, int.MinValue, int.MaxValue) ?? 0, 0) : null,
            TopP = metadata.OptionalDouble("general.sampling.top_p", 0, 1),
            MinP = metadata.OptionalDouble("general.sampling.min_p", 0, 1),
            RepetitionPenalty = repetition,
            PenaltyLastN = metadata.OptionalInt("general.sampling.penalty_last_n", -1, int.MaxValue) switch
            {
                null => repetition is null ? null : 64, // what llama.cpp looks at unless told otherwise
                -1 => null,
                int n => n,
            },
            NotApplied = [.. UnappliedKeys.Where(key => metadata.OptionalDouble(key, double.MinValue, double.MaxValue) > 0)
                .Select(key => FormattableString.Invariant($"{key} {metadata[key].Number(0)}"))],
        };
    }

    internal static string NameOf(GgufCheckpoint checkpoint) =>
        checkpoint.Metadata.OptionalString("general.name") is { Length: > 0 } name
            ? InputFile.Cut(name)
            : Path.GetFileNameWithoutExtension(checkpoint.Path);
}
