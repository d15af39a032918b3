using MoA.Engine.Configuration;
using MoA.Engine.Files;
using MoA.Engine.Numerics;
using MoA.Engine.Parallelism;
using MoA.Engine.Tokenization;

namespace MoA.Engine.Models.Loading;

/// <summary>Writes models as GGUF files, in the format they are stored in or in another.</summary>
internal static class GgufConverter
{
    private static readonly string[] Replaced =
    [
        "general.file_type", "general.quantization_version", GgufHeader.AlignmentKey, "split.no", "split.count",
        "split.tensors.count", GgufVocabulary.ChatTemplateKey, GgufVocabulary.ToolTemplateKey,
    ];

    /// <summary>
    /// Writes a model with its tokenizer, tensor by tensor. Embedding, head and matrices are written in the format asked
    /// for, or Q8_0 and else BF16 where their rows do not fill its blocks; norms and biases as F32.
    /// </summary>
    /// <param name="path">The model: a Hugging Face folder or a GGUF file.</param>
    /// <param name="file">The file to write; an existing one is replaced at the end.</param>
    /// <param name="weights">Format of the matrices; null keeps each one's own.</param>
    /// <param name="threads">Threads; 0 means one for each processor.</param>
    /// <param name="chatTemplate">A chat template in place of the model's own: a name or a file, as <see cref="ChatTemplate.Load"/> takes it.</param>
    /// <param name="progress">Told before each tensor.</param>
    /// <param name="cancellation">Ends the work; nothing is left then.</param>
    /// <exception cref="InvalidInputException">The model cannot be read, a number is beyond the format's range, or
    /// <paramref name="file"/> is part of the model or cannot be made.</exception>
    /// <exception cref="IOException">Writing failed on the way, as on a full disk.</exception>
    public static ConversionResult Convert(
        string path,
        string file,
        ElementType? weights,
        int threads = 0,
        string? chatTemplate = null,
        Action<ConversionProgress>? progress = null,
        CancellationToken cancellation = default) => Run(path, file, weights, threads, chatTemplate, (writer, _, result) =>
        {
            writer.Write(file, progress);
            return result with { Bytes = new FileInfo(file).Length };
        }, cancellation);

    /// <summary>What <see cref="Convert"/> would write and take; nothing is written.</summary>
    /// <param name="path">The model: a Hugging Face folder or a GGUF file.</param>
    /// <param name="file">The file to write.</param>
    /// <param name="weights">Format of the matrices; null keeps each one's own.</param>
    /// <param name="threads">Threads; 0 means one for each processor.</param>
    /// <param name="chatTemplate">A chat template in place of the model's own.</param>
    /// <param name="cancellation">Ends the work.</param>
    /// <exception cref="InvalidInputException">The model cannot be read, or <paramref name="file"/> is part of it.</exception>
    public static ConversionPlan Plan(
        string path, string file, ElementType? weights, int threads = 0, string? chatTemplate = null,
        CancellationToken cancellation = default) =>
        Run(path, file, weights, threads, chatTemplate, (writer, model, result) =>
            new ConversionPlan(result with { Bytes = writer.FileBytes() }, model.Weights.Bytes, TensorConversion.PieceBytes, writer.Rehearse()), cancellation);

    private static T Run<T>(
        string path,
        string file,
        ElementType? weights,
        int threads,
        string? chatTemplate,
        Func<GgufWriter, LoadedModel, ConversionResult, T> finish,
        CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(path);
        ArgumentException.ThrowIfNullOrEmpty(file);
        using GgufCheckpoint? source = ModelPath.FindGguf(path) is string gguf ? GgufCheckpoint.Open(gguf) : null;
        RefuseOwnInput(file, source?.Files.Select(part => part.Path) ?? FilesIn(path));
        using LoadedModel model = ModelFile.Load(path, threads: threads, cancellation: cancellation);
        GgufWriter writer = new();
        List<string> notes = [];
        if (source is null)
        {
            GgufConfigWriter.Check(path, model.Config);
            GgufConfigWriter.Write(writer, model.Config, model.Generation, model.Name);
            notes.AddRange(GgufConfigWriter.Unwritten(model.Config, model.Generation));
            notes.AddRange(GgufVocabularyWriter.Write(writer, path, model.Config, model.Generation));
        }
        else
        {
            foreach (string key in source.Metadata.Keys.Except(Replaced))
                writer.Copy(key, source.Metadata[key]);
        }

        if (Tokenizer.Exists(path))
            notes.AddRange(AddTemplate(writer, path, chatTemplate, model.Name));

        ParallelOptions parallel = ParallelWork.Options(threads, cancellation);
        GgufTensorPlan plan = new(model.Config, weights);
        writer.Add("general.file_type", GgufTensorTypes.FileType(weights ?? model.Weights.Layers[0].Output.Type));
        writer.Add("general.quantization_version", 2u);
        foreach ((string name, float[] divisors) in GgufRope.Tensors(model.Config))
            AddVector(writer, name, divisors);
        foreach (PlannedTensor tensor in plan.Tensors(model.Weights))
        {
            writer.AddTensor(tensor.Name, tensor.Type, tensor.Shape, to =>
            {
                foreach (WeightTensor source in tensor.Sources)
                    new TensorConversion(source, tensor.Type, parallel) { PairedHeadSize = tensor.PairedHeadSize }.Write(to);
            });
        }

        return finish(writer, model, new ConversionResult(file, 0, plan.Counts, plan.Fallbacks, notes));
    }

    private static IEnumerable<string> AddTemplate(GgufWriter writer, string path, string? choice, string name)
    {
        (TokenizerConfig config, choice, bool isGuess) = ChatTemplate.ReadSource(path, choice, name);
        if (config.ChatTemplate is not string template)
            return [];
        writer.Add(GgufVocabulary.ChatTemplateKey, template);
        if (config.ToolTemplate is not null)
            writer.Add(GgufVocabulary.ToolTemplateKey, config.ToolTemplate);
        return isGuess ? [$"the model has no chat template; the file gets {choice}, which its name calls for"] : [];
    }

    /// <summary>Adds an F32 vector.</summary>
    internal static void AddVector(GgufWriter writer, string name, float[] values) => writer.AddTensor(
        name, ElementType.F32, [values.Length], to => to.Write(System.Runtime.InteropServices.MemoryMarshal.AsBytes(values.AsSpan())));

    private static IEnumerable<string> FilesIn(string path) => Directory.Exists(path) ? Directory.EnumerateFiles(path) : [path];

    private static void RefuseOwnInput(string file, IEnumerable<string> inputs)
    {
        string target = Place(file);
        foreach (string input in inputs)
        {
            if (string.Equals(Place(input), target, StringComparison.Ordinal))
                throw new InvalidInputException($"{file}: is part of the model that is to be converted; choose another file to write");
        }

        static string Place(string path)
        {
            FileInfo info = new(path);
            return info.Exists && info.ResolveLinkTarget(returnFinalTarget: true) is { } place ? place.FullName : info.FullName;
        }
    }
}
