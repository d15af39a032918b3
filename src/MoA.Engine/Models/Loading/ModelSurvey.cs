using MoA.Engine.Configuration;
using MoA.Engine.Files;
using MoA.Engine.Kernels;
using MoA.Engine.Numerics;
using MoA.Engine.Tokenization;

namespace MoA.Engine.Models.Loading;

/// <summary>
/// What a model holds and will need, from its configuration and the headers of its files: no weight is read. A model that the engine
/// does not run is described as far as its files tell, with the reasons.
/// </summary>
internal sealed class ModelSurvey
{
    private readonly List<string> _problems = [];

    private ModelSurvey(string path, ICheckpoint? checkpoint, ElementType? type, string? chatTemplate)
    {
        GgufCheckpoint? gguf = checkpoint as GgufCheckpoint;
        string configFile = Path.Combine(path, ModelPath.ConfigFile);
        Name = gguf is null ? HuggingFaceFolder.NameOf(path) : GgufModel.NameOf(gguf);
        Outline = gguf is null ? ModelOutline.ReadFolder(configFile) : ModelOutline.Read(gguf.Metadata);
        Config = Try(() => gguf is null ? ModelConfig.Load(configFile) : GgufConfig.Read(gguf));
        if (Config is not null)
            Outline = ModelOutline.Of(Config);
        if (checkpoint is null)
            _problems.Add($"{path}: has no weights; expected {string.Join(" or ", ModelPath.WeightFiles.Select(layout => layout.Single))}, or an index and its shards");
        using ModelWeights? stored = checkpoint is not null && Config is ModelConfig config ? Try(() => ReadWeights(checkpoint, config)) : null;
        ModelWeights? weights = stored is not null && type is ElementType wanted ? WeightConversion.Plan(stored, wanted) : stored;
        Formats = weights is not null ? OfWeights(weights) : checkpoint is not null ? OfHeaders(checkpoint) : [];
        ActiveParameters = weights?.ActiveParameters(Config!);
        if (weights is not null)
            Room = WeightRoom.Of(weights, Config!, ComputeBackend.ProcessorPassTokens, cacheBytes: 0);
        foreach (StoredFormat format in Formats.Where(format => Config is null && !format.IsRead))
            _problems.Add($"{path}: {format.Tensors} tensors are {format.Type}; expected one of {string.Join(", ", ElementTypes.All.Select(known => known.Name()))}");
        Tokenizer = Try(() => Tokenizer.Exists(path) ? Tokenizer.Load(path) : null);
        ChatTemplate = chatTemplate is not null ? ChatTemplate.Load(path, chatTemplate, Name)
            : Tokenizer is null ? null
            : Try(() => ChatTemplate.Load(path, null, Name));
    }

    /// <summary>The model's name, as <see cref="LoadedModel.Name"/>.</summary>
    public string Name { get; }

    /// <summary>Its shape as the files tell it.</summary>
    public ModelOutline Outline { get; }

    /// <summary>Shape and constants; null where the engine does not run it.</summary>
    public ModelConfig? Config { get; }

    /// <summary>Whether the engine runs it.</summary>
    public bool IsSupported => Room is not null && _problems.Count == 0;

    /// <summary>What is not supported or missing, a line each.</summary>
    public IReadOnlyList<string> Problems => _problems;

    /// <summary>What is stored in which format; of a model that the engine runs, without tensors that it does not need.</summary>
    public IReadOnlyList<StoredFormat> Formats { get; }

    /// <summary>Number of weights.</summary>
    public long Parameters => Formats.Sum(format => format.Parameters);

    /// <summary>Weights that a token uses: not those of the experts that it does not choose; null where the engine does not run the model.</summary>
    public long? ActiveParameters { get; }

    /// <summary>Bytes of all weights.</summary>
    public long WeightBytes => Formats.Sum(format => format.Bytes);

    /// <summary>What a run takes without caches, and what there is now; null where the engine does not run it.</summary>
    public WeightRoom? Room { get; }

    /// <summary>The tokenizer; null where there is none, or none that is supported.</summary>
    public Tokenizer? Tokenizer { get; }

    /// <summary>The chat template, or the one in its place; null where there is none, or none that is supported.</summary>
    public ChatTemplate? ChatTemplate { get; }

    /// <summary>Reads a model's configuration and headers.</summary>
    /// <param name="path">As <see cref="ModelFile.Load"/> takes it.</param>
    /// <param name="weights">Format that the matrices would be converted to, or null.</param>
    /// <param name="chatTemplate">A chat template in place of the model's own, or null.</param>
    /// <exception cref="InvalidInputException">A file is missing or malformed.</exception>
    public static ModelSurvey Read(string path, ElementType? weights = null, string? chatTemplate = null)
    {
        ArgumentNullException.ThrowIfNull(path);
        using ICheckpoint? checkpoint = Open(path);
        return new ModelSurvey(path, checkpoint, weights, chatTemplate);
    }

    private static ModelWeights ReadWeights(ICheckpoint checkpoint, ModelConfig config) => WeightReader.Read(
        config, checkpoint is HuggingFaceCheckpoint folder ? folder.Placed(config.Architecture.HuggingFaceNames) : config.Architecture.GgufNames, checkpoint, parallel: null);

    private static ICheckpoint? Open(string path)
    {
        if (ModelPath.FindGguf(path) is string gguf)
            return GgufCheckpoint.Open(gguf);
        HuggingFaceFolder.RequireFolder(path);
        return ModelPath.WeightFiles.Any(layout => File.Exists(Path.Combine(path, layout.Single)) || File.Exists(Path.Combine(path, layout.Index)))
            ? HuggingFaceCheckpoint.Open(path)
            : null;
    }

    private static StoredFormat[] OfWeights(ModelWeights weights) =>
    [
        .. weights.All.GroupBy(weight => weight.Type).OrderBy(group => group.Key).Select(group => new StoredFormat(
            group.Key.Name(), true, group.Count(), group.Sum(weight => (long)weight.Rows * weight.Columns), group.Sum(weight => weight.Bytes))),
    ];

    private static StoredFormat[] OfHeaders(ICheckpoint checkpoint) =>
    [
        .. checkpoint.Headers.GroupBy(tensor => tensor.Type).OrderBy(group => group.Key, StringComparer.Ordinal).Select(group => new StoredFormat(
            group.Key, ElementTypes.Parse(group.Key) is not null, group.Count(), group.Sum(tensor => tensor.Elements), group.Sum(tensor => tensor.Bytes))),
    ];

    private T? Try<T>(Func<T?> read)
        where T : class
    {
        try
        {
            return read();
        }
        catch (InvalidInputException problem)
        {
            _problems.Add(problem.Message);
            return null;
        }
    }
}
