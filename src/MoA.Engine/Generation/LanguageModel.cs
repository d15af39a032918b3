using MoA.Engine.Attention;
using MoA.Engine.Attention.Policies;
using MoA.Engine.Configuration;
using MoA.Engine.Files;
using MoA.Engine.Hub;
using MoA.Engine.Kernels;
using MoA.Engine.KvCache;
using MoA.Engine.Models;
using MoA.Engine.Models.Loading;
using MoA.Engine.Numerics;
using MoA.Engine.Tokenization;

namespace MoA.Engine.Generation;

/// <summary>A model that is ready to use: weights, forward pass, tokenizer and chat template.</summary>
public sealed class LanguageModel : IDisposable
{
    private readonly LoadedModel _model;
    private ComputeBackend? _ownBackend;

    private LanguageModel(LoadedModel model, ComputeBackend backend, int maxRows, string? path, string? chatTemplate, CancellationToken cancellation)
    {
        _model = model;
        Path = path ?? model.Name;
        Sampling = SamplingOptions.Of(model.Generation);
        cancellation.ThrowIfCancellationRequested();
        if (path is not null && Tokenization.Tokenizer.Exists(path))
        {
            Tokenizer = Tokenization.Tokenizer.Load(path);
            ChatTemplate = Tokenization.ChatTemplate.Load(path, chatTemplate, model.Name);
            Conversations = new ConversationEncoder(Tokenizer, ChatTemplate);
            CheckVocabulary(Tokenizer);
        }

        cancellation.ThrowIfCancellationRequested();
        HashSet<int> stops = [.. model.Config.EosTokenIds, .. model.Generation.EosTokenIds];
        stops.UnionWith(Conversations?.EndOfTurnIds ?? new HashSet<int>());
        StopTokens = stops;
        // Last, since nobody would free its workspace if anything above failed.
        Transformer = new Transformer(model, backend, maxRows)
        {
            Repetition = new(() => RepetitionPrompt.Of(Tokenizer, ChatTemplate)),
            Kinds = new(() => TokenKinds.Of(Tokenizer)),
        };
    }

    /// <summary>The folder or file that it was read from; of a model that was described alone, its name.</summary>
    public string Path { get; }

    /// <summary>The model's name.</summary>
    public string Name => _model.Name;

    /// <summary>Layers.</summary>
    public int Layers => Config.Layers;

    /// <summary>Query heads of a layer.</summary>
    public int QueryHeads => Config.QueryHeads;

    /// <summary>Key-value heads of a layer, each shared by as many query heads.</summary>
    public int KeyValueHeads => Config.KeyValueHeads;

    /// <summary>Width of the residual stream.</summary>
    public int HiddenSize => Config.HiddenSize;

    /// <summary>Tokens that the model knows.</summary>
    public int VocabularySize => Config.VocabularySize;

    /// <summary>Tokens that the model was made for, prompt and answer together.</summary>
    public int MaxPositions => Config.MaxPositions;

    /// <summary>Numbers in all weights.</summary>
    public long Parameters => _model.Weights.Parameters;

    /// <summary>Bytes of all weights as they are used.</summary>
    public long WeightBytes => _model.Weights.Bytes;

    /// <summary>
    /// How the model's makers want its tokens drawn (<c>generation_config.json</c>); what they leave out is as OpenAI has it, temperature 1 without
    /// filters and penalties. The seed is 0.
    /// </summary>
    public SamplingOptions Sampling { get; }

    /// <summary>Texts that end an answer, as the model's makers say.</summary>
    public IReadOnlyList<string> StopStrings => _model.Generation.StopStrings;

    /// <summary>The model's shape.</summary>
    internal ModelConfig Config => _model.Config;

    /// <summary>What <c>generation_config.json</c> says.</summary>
    internal GenerationConfig Generation => _model.Generation;

    /// <summary>Weights and configuration as loaded.</summary>
    internal LoadedModel Loaded => _model;

    /// <summary>The forward pass.</summary>
    internal Transformer Transformer { get; }

    /// <summary>The tokenizer, or null for a model without one.</summary>
    public Tokenizer? Tokenizer { get; }

    /// <summary>The chat template, or null for a model without one.</summary>
    public ChatTemplate? ChatTemplate { get; }

    /// <summary>Encodes conversations, or null for a model without a tokenizer.</summary>
    internal ConversationEncoder? Conversations { get; }

    /// <summary>Tokens that end the model's turn.</summary>
    public IReadOnlySet<int> StopTokens { get; }

    /// <summary>Opens a model that is ready to use, on a device of its own unless one is given.</summary>
    /// <param name="model">A Hugging Face folder, a GGUF file, or <c>org/name[@revision][:file.gguf]</c> of the hub's cache on this machine.</param>
    /// <param name="options">How it is loaded.</param>
    /// <param name="cancellation">Ends the loading.</param>
    /// <exception cref="InvalidInputException">A file is missing, damaged or not supported, or weights that are to be copied do not fit.</exception>
    /// <exception cref="OperationCanceledException">Loading was cancelled.</exception>
    public static LanguageModel Load(string model, ModelLoadOptions? options = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        options ??= new ModelLoadOptions();
        string path = new HubCache(HubSettings.CacheFolderOfEnvironment()).Resolve(model);
        ComputeBackend backend = options.Backend ?? ComputeBackend.CreateCpu(options.Threads);
        try
        {
            LanguageModel ready = Load(path, backend, options.MaxRows, options.Weights, options.ChatTemplate, options.Residency, cancellation);
            ready._ownBackend = options.Backend is null ? backend : null;
            return ready;
        }
        catch
        {
            if (options.Backend is null)
                backend.Dispose();
            throw;
        }
    }

    /// <summary>The folder or file that a model's name stands for.</summary>
    /// <param name="model">A Hugging Face folder, a GGUF file, or <c>org/name[@revision][:file.gguf]</c> of the hub's cache on this machine.</param>
    /// <exception cref="InvalidInputException">There is no such model.</exception>
    public static string Find(string model)
    {
        ArgumentNullException.ThrowIfNull(model);
        string path = new HubCache(HubSettings.CacheFolderOfEnvironment()).Resolve(model);
        return System.IO.Path.Exists(path) ? path : throw new InvalidInputException($"{model}: there is no such folder or file");
    }

    /// <summary>Loads a Hugging Face folder or a GGUF file.</summary>
    /// <param name="path">The folder or file, as <see cref="ModelFile"/> takes it.</param>
    /// <param name="backend">The device; stays the caller's.</param>
    /// <param name="maxRows">Most tokens in one forward pass: the prefill chunk; 0 for what suits the device.</param>
    /// <param name="weights">Format to convert the matrices to, or null to use them as stored.</param>
    /// <param name="chatTemplate">A chat template to use in place of the model's own: a name or a file, as <see cref="Tokenization.ChatTemplate.Load"/> takes
    /// it.</param>
    /// <param name="residency">Where the processor reads the weights from (<see cref="PlaceWeights"/>).</param>
    /// <param name="cancellation">Ends the loading.</param>
    /// <exception cref="InvalidInputException">A file is missing, damaged or not supported, or weights that are to be copied do not fit.</exception>
    /// <exception cref="OperationCanceledException">Loading was cancelled.</exception>
    internal static LanguageModel Load(
        string path,
        ComputeBackend backend,
        int maxRows = 0,
        ElementType? weights = null,
        string? chatTemplate = null,
        WeightResidency residency = WeightResidency.Auto,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(backend);
        LoadedModel model = ModelFile.Load(path, weights, backend.Threads, cancellation);
        LanguageModel? ready = null;
        try
        {
            ready = new LanguageModel(model, backend, maxRows, path, chatTemplate, cancellation);
            _ = ready.PlaceWeights(residency, cancellation: cancellation);
            return ready;
        }
        catch
        {
            ready?.Transformer.Dispose();
            model.Dispose();
            throw;
        }
    }

    /// <summary>A model of some shape whose random weights the device draws in its own memory (<see cref="RandomModel.Describe"/>).</summary>
    /// <param name="shape">The shape.</param>
    /// <param name="weights">Format of the matrices.</param>
    /// <param name="name">The model's name.</param>
    /// <param name="backend">The device; stays the caller's.</param>
    /// <param name="seed">What the weights are drawn from.</param>
    /// <param name="maxRows">Most tokens in one forward pass; 0 for what suits the device.</param>
    /// <exception cref="InvalidInputException">The device is the processor, or has no room or no kernels for the model.</exception>
    internal static LanguageModel Random(
        ModelConfig shape, ElementType weights, string name, ComputeBackend backend, ulong seed = 0, int maxRows = 0)
    {
        ArgumentNullException.ThrowIfNull(backend);
        LoadedModel model = RandomModel.Describe(shape, weights, name, seed);
        try
        {
            return new LanguageModel(model, backend, maxRows, path: null, chatTemplate: null, CancellationToken.None);
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Decides where the processor reads the weights from, and copies them if that is to be. Loaded <see cref="WeightResidency.Mapped"/>,
    /// a model can be asked so once it is known what caches will take.
    /// </summary>
    /// <param name="residency">Where to read them from; <see cref="WeightResidency.Mapped"/> leaves everything as it is.</param>
    /// <param name="cacheBytes">Bytes of the caches, and of whatever else will be held beside the model.</param>
    /// <param name="cancellation">Looked at between weights.</param>
    /// <returns>What was reckoned with; <see cref="Transformer.HasCopiedWeights"/> says what was done.</returns>
    /// <exception cref="InvalidInputException">They are to be copied and do not fit, or a file can no longer be read.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled; the weights stay mapped.</exception>
    /// <exception cref="InvalidOperationException">Another caller is using the model.</exception>
    internal WeightRoom PlaceWeights(WeightResidency residency, long cacheBytes = 0, CancellationToken cancellation = default)
    {
        WeightRoom room = WeightRoom.Of(_model.Weights, Config, Transformer.MaxRows, cacheBytes);
        if (residency == WeightResidency.Mapped || Transformer.HasCopiedWeights || (residency == WeightResidency.Auto && !room.IsAmple))
            return room;
        if (!room.IsEnough)
            throw NoRoom(room);
        try
        {
            Transformer.CopyWeights(cancellation);
        }
        catch (OutOfMemoryException e)
        {
            if (residency == WeightResidency.Copied)
                throw NoRoom(room, e);
        }

        return room;
    }

    /// <summary>A policy for this model, by name or from a plan.</summary>
    /// <param name="text">A name and its settings as the command line takes them, <c>h2o:density=0.5</c>; null: the plan's, or dense without one.</param>
    /// <param name="planFile">A plan that <c>moa compress</c> or the research code wrote; null: none.</param>
    /// <exception cref="InvalidInputException">The text names no policy, or the plan cannot be read or is for another model.</exception>
    public AttentionPolicy ReadPolicy(string? text = null, string? planFile = null) => PolicyReader.Read(text, planFile, Config);

    /// <summary>Rows that a policy keeps at a length, as a share of dense attention's.</summary>
    /// <param name="policy">Which rows stay.</param>
    /// <param name="length">Prompt and new tokens together, at least 1.</param>
    public double DensityOf(AttentionPolicy policy, int length)
    {
        ArgumentNullException.ThrowIfNull(policy);
        return policy.Density(Config, length);
    }

    /// <summary>The most bytes that the caches of one sequence take under a policy.</summary>
    /// <param name="policy">Which rows stay.</param>
    /// <param name="length">Prompt and new tokens together, at least 1.</param>
    /// <param name="type">Format of the rows: BF16, F32 or Q8_0.</param>
    public long CacheBytesOf(AttentionPolicy policy, int length, ElementType type = ElementType.BF16)
    {
        ArgumentNullException.ThrowIfNull(policy);
        return SequenceCache.EstimatePeakBytes(Config, policy, length, type);
    }

    /// <summary>The tokenizer.</summary>
    /// <exception cref="InvalidInputException">The model has none.</exception>
    public Tokenizer RequireTokenizer() => Tokenizer ?? throw NoTokenizer();

    /// <summary>The encoder of conversations.</summary>
    /// <exception cref="InvalidInputException">The model has no tokenizer.</exception>
    internal ConversationEncoder RequireConversations() => Conversations ?? throw NoTokenizer();

    /// <summary>Refuses a sequence that the model was not made for.</summary>
    /// <param name="tokens">Tokens of the sequence.</param>
    /// <param name="what">What it is, for the message: "prompt.txt", "items.jsonl:3".</param>
    /// <exception cref="InvalidInputException">It is longer than the model's context.</exception>
    internal void CheckLength(long tokens, string what)
    {
        if (tokens > Config.LongestText)
        {
            throw new InvalidInputException(
                $"{what}: {tokens} tokens, but {Name} has a context of {Config.MaxPositions}; shorten it");
        }
    }

    /// <summary>New tokens after a prompt: as many as asked for, or what the model's context leaves.</summary>
    /// <param name="promptTokens">Tokens of the prompt.</param>
    /// <param name="maxNewTokens">Most tokens to write.</param>
    /// <param name="what">What the prompt is, for the message.</param>
    /// <exception cref="InvalidInputException">The context leaves none.</exception>
    internal int RoomFor(int promptTokens, int maxNewTokens, string what)
    {
        CheckLength(promptTokens + 1L, what);
        return Math.Min(maxNewTokens, Config.LongestText - promptTokens);
    }

    /// <summary>Why no tokens can be drafted under a policy (<see cref="GenerationOptions.Lookup"/>), or null if they can.</summary>
    /// <param name="policy">Which rows stay.</param>
    internal string? WhyNoLookup(AttentionPolicy policy)
    {
        ArgumentNullException.ThrowIfNull(policy);
        if (policy is EvictionPolicy or InfLlmPolicy)
            return $"policy {policy.Name} chooses rows by the attention they get, which drafts would change";
        return Transformer.Backend.StepTokens > 1 ? null : $"{Transformer.Backend.Description}: a step there takes one token of a sequence";
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Transformer.Dispose();
        _model.Dispose();
        _ownBackend?.Dispose();
    }

    private void CheckVocabulary(Tokenizer tokenizer)
    {
        if (tokenizer.VocabularySize > Config.VocabularySize)
        {
            throw new InvalidInputException(
                $"{Path}: the tokenizer has {tokenizer.VocabularySize} tokens but the model's vocabulary only " +
                $"{Config.VocabularySize}; use the tokenizer that belongs to this model");
        }
    }

    private InvalidInputException NoRoom(WeightRoom room, Exception? cause = null)
    {
        string message = $"{Path}: the weights cannot be copied into memory: {room}; leave them mapped (--mmap on), or use smaller weights or shorter lengths";
        return cause is null ? new InvalidInputException(message) : new InvalidInputException(message, cause);
    }

    private InvalidInputException NoTokenizer() =>
        new(ModelPath.FindGguf(Path) is null
            ? $"{Path}: no tokenizer.json and no tokenizer.model, so it takes tokens only; add one of them to the folder"
            : $"{Path}: holds no tokenizer, so it takes tokens only; convert the model again with its tokenizer");
}
