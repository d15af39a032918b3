using MoA.Engine.Files;

namespace MoA.Engine.Configuration;

/// <summary>
/// Reads a model's shape and constants from the metadata of a GGUF file. Keys other than those of the tokenizer begin
/// with the architecture's name.
/// </summary>
internal sealed class GgufConfig
{
    // Limits far above any real model, low enough that no product of sizes overflows.
    private const int LargestWidth = 1 << 24;
    private const int MostHeads = 1 << 12;
    private const int LargestHead = 1 << 12;
    private const int MostLayers = 1 << 14;
    private const int LargestVocabulary = 1 << 28;

    // Values of expert_gating_func; 0 is none said, 1 a softmax over all.
    private const int SigmoidGating = 2, SoftmaxOfChosen = 3;

    private readonly GgufCheckpoint _checkpoint;
    private readonly GgufMetadata _metadata;
    private readonly string _architecture;
    private readonly ModelFamily _family;

    private GgufConfig(GgufCheckpoint checkpoint)
    {
        _checkpoint = checkpoint;
        _metadata = checkpoint.Metadata;
        _architecture = _metadata.String("general.architecture");
        _family = ModelFamily.All.FirstOrDefault(family => family.Matches(_architecture, _metadata)) ??
            throw _metadata.Fault($"the architecture is \"{InputFile.Cut(_architecture)}\"; expected one of " +
                string.Join(", ", ModelFamily.All.Select(family => family.GgufName).Distinct()));
        Layers = _metadata.Int(Key("block_count"), 1, MostLayers);
    }

    public int Layers { get; }

    public GgufMetadata Metadata => _metadata;

    /// <summary>The shape and constants of an open model.</summary>
    /// <exception cref="InvalidInputException">A value is missing or out of range, or the model is of a kind that the
    /// engine does not run.</exception>
    public static ModelConfig Read(GgufCheckpoint checkpoint)
    {
        GgufConfig config = new(checkpoint);
        return config._family.Read(config);
    }

    /// <summary>Whether a model has experts.</summary>
    public static bool HasExperts(string architecture, GgufMetadata metadata) => metadata.OptionalInt($"{architecture}.expert_count", 0, int.MaxValue) is > 0;

    /// <summary>A key that begins with the architecture's name.</summary>
    public string Key(string name) => $"{_architecture}.{name}";

    /// <summary>What the file says that scores are multiplied by; null where it does not.</summary>
    public double? AttentionScale => _metadata.OptionalDouble(Key("attention.scale"), 0, 1e6) is double scale and > 0 ? scale : null;

    /// <summary>A soft cap; null where there is none.</summary>
    /// <param name="name">Its key without the architecture.</param>
    /// <param name="missing">Its value where the file does not say.</param>
    public double? SoftCap(string name, double? missing) => (_metadata.OptionalDouble(Key(name), 0, 1e6) ?? missing) is double cap and > 0 ? cap : null;

    /// <summary>The model with what all families say alike, its layers as Llama's.</summary>
    /// <param name="slides">Which layers a window is of where the file does not say; null for all.</param>
    /// <param name="missingWindow">The window where the file does not say; 0 for none.</param>
    public ModelConfig Model(Func<int, bool>? slides = null, int missingWindow = 0)
    {
        RefuseWhatIsNotRun();
        int hidden = _metadata.Int(Key("embedding_length"), 1, LargestWidth);
        int queryHeads = IntOfLayers("attention.head_count", MostHeads) ?? throw _metadata.Missing(Key("attention.head_count"));
        int keyValueHeads = IntOfLayers("attention.head_count_kv", MostHeads) ?? queryHeads;
        if (queryHeads % keyValueHeads != 0)
        {
            throw _metadata.Fault($"\"{Key("attention.head_count")}\" is {queryHeads} and \"{Key("attention.head_count_kv")}\" " +
                $"is {keyValueHeads}; expected a multiple of the latter");
        }

        int headSize = HeadSize(hidden, queryHeads);
        int vocabulary = VocabularySize(), rotary = RotaryDimensions(headSize);
        int maxPositions = _metadata.Int(Key("context_length"), 1, int.MaxValue);
        RopeScaling scaling = GgufRope.Read(_checkpoint, Key, rotary / 2, maxPositions, _family.GgufYarnTruncates);
        RopeSettings full = new(_metadata.OptionalDouble(Key("rope.freq_base"), double.Epsilon, 1e30) ?? 10_000, scaling);
        RopeSettings sliding = GgufRope.ReadSliding(_metadata, Key, rotary / 2) ?? _family.GgufSlidingRope(full);
        int?[] windows = SlidingWindows(slides, missingWindow);
        return new ModelConfig
        {
            Architecture = _family,
            LayerDescriptions = [.. windows.Zip(FeedForwards(), (window, feedForward) => new LayerDescription
            {
                Window = window,
                Rope = window is null ? full : sliding,
                AttentionScale = AttentionScale,
                FeedForward = feedForward,
            })],
            HiddenSize = hidden,
            QueryHeads = queryHeads,
            KeyValueHeads = keyValueHeads,
            HeadSize = headSize,
            VocabularySize = vocabulary,
            MaxPositions = scaling is RopeScaling.Yarn yarn ? (int)Math.Clamp(yarn.Factor * yarn.OriginalMaxPositions, maxPositions, int.MaxValue) : maxPositions,
            RmsNormEpsilon = _metadata.OptionalDouble(Key("attention.layer_norm_rms_epsilon"), double.Epsilon, 1) ??
                throw _metadata.Missing(Key("attention.layer_norm_rms_epsilon")),
            RopePairs = _family.GgufPairs,
            RotaryDimensions = rotary,
            TieWordEmbeddings = !_checkpoint.Contains(WeightNames.Gguf.Head + ".weight"),
            BosTokenId = TokenId("bos", 1, vocabulary),
            EosTokenIds = [.. new[] { TokenId("eos", 2, vocabulary), TokenId("eot", null, vocabulary), TokenId("eom", null, vocabulary) }
                .OfType<int>().Distinct()],
        };
    }

    private int? IntOfLayers(string name, int most) => _metadata.OptionalIntOfLayers(Key(name), 1, most, Layers);

    // Layers without a router among those with experts have one network.
    private IEnumerable<FeedForwardDescription> FeedForwards()
    {
        ExpertDescription? experts = HasExperts(_architecture, _metadata) ? Experts() : null;
        int? dense = IntOfLayers("feed_forward_length", LargestWidth);
        int? ofExperts = _metadata.OptionalInt(Key("expert_feed_forward_length"), 1, LargestWidth) ?? dense;
        bool[] hasRouter = [.. Enumerable.Range(0, Layers).Select(layer =>
            _checkpoint.Contains(WeightNames.Gguf.Layer(layer) + WeightNames.Gguf.Router + ".weight"))];
        for (int layer = 0; layer < Layers; layer++)
        {
            bool isRouted = experts is not null && (hasRouter[layer] || !hasRouter.Contains(true));
            yield return new FeedForwardDescription
            {
                IntermediateSize = (isRouted ? ofExperts : dense) ?? throw _metadata.Missing(Key("feed_forward_length")),
                Activation = _family.Defaults.Activation,
                Experts = isRouted ? experts : null,
            };
        }
    }

    private ExpertDescription Experts()
    {
        if (_family.HuggingFaceNames.Router.Length == 0)
            throw _metadata.Fault($"the model is a mixture of experts, which {_family.Name} is not; expected one with dense feed-forward layers");
        RefuseUnless("expert_shared_count", 0, "no experts that all tokens share");
        RefuseUnless("expert_group_count", 1, "experts in one group");
        int gating = _metadata.OptionalInt(Key("expert_gating_func"), 0, int.MaxValue) ?? 0;
        if (gating == SigmoidGating || gating > SoftmaxOfChosen)
            throw _metadata.Fault($"\"{Key("expert_gating_func")}\" is {gating}; expected 1 or 3, a softmax");
        if (_metadata.OptionalDouble(Key("expert_weights_scale"), 0, 1e6) is not (null or 0 or 1))
            throw _metadata.Fault($"\"{Key("expert_weights_scale")}\" is given; expected experts' weights as they are");
        int count = _metadata.Int(Key("expert_count"), 1, HuggingFaceConfig.MostExperts);
        return new ExpertDescription
        {
            Count = count,
            Used = _metadata.Int(Key("expert_used_count"), 1, count),
            IsNormalized = _metadata.Bool(Key("expert_weights_norm"), missing: true),
        };

        void RefuseUnless(string name, int expected, string words)
        {
            if (_metadata.OptionalInt(Key(name), 0, int.MaxValue) is int given && given > expected)
                throw _metadata.Fault($"\"{Key(name)}\" is {given}; expected {words}");
        }
    }

    private void RefuseWhatIsNotRun()
    {
        if (!_metadata.Bool(Key("attention.causal"), missing: true))
            throw _metadata.Fault("the model's attention is not causal; expected a model that generates text");
    }

    private int HeadSize(int hidden, int queryHeads)
    {
        int? given = _metadata.OptionalInt(Key("attention.key_length"), 1, LargestHead);
        if (given is null && hidden % queryHeads != 0)
        {
            throw _metadata.Fault($"\"{Key("embedding_length")}\" is {hidden} and \"{Key("attention.head_count")}\" is " +
                $"{queryHeads}; expected a multiple of the latter, or \"{Key("attention.key_length")}\"");
        }

        int size = given ?? hidden / queryHeads;
        if (size % 2 != 0 || size > LargestHead)
            throw _metadata.Fault($"the size of a head is {size}; expected an even number up to {LargestHead}");
        if (_metadata.OptionalInt(Key("attention.value_length"), 1, LargestHead) is int values && values != size)
            throw _metadata.Fault($"values of a head have {values} components and keys {size}; expected as many");
        return size;
    }

    private int RotaryDimensions(int headSize)
    {
        int turned = _metadata.OptionalInt(Key("rope.dimension_count"), 0, int.MaxValue) ?? headSize;
        return turned >= 2 && turned <= headSize && turned % 2 == 0
            ? turned
            : throw _metadata.Fault($"\"{Key("rope.dimension_count")}\" is {turned}; expected an even number up to {headSize}, the size of a head");
    }

    private int VocabularySize()
    {
        string name = WeightNames.Gguf.Embedding + ".weight";
        StoredTensor embedding = _checkpoint.Find(name);
        return embedding.Shape is [<= LargestVocabulary and long rows, _]
            ? (int)rows
            : throw InputFile.Error(embedding.Path,
                $"tensor {name} has shape [{string.Join(", ", embedding.Shape)}]; expected a row for each token");
    }

    // The pattern is a yes or no for each layer, or how many layers there are to each one that sees everything, the last of them.
    private int?[] SlidingWindows(Func<int, bool>? slides, int missing)
    {
        int?[] windows = new int?[Layers];
        int window = _metadata.OptionalIntOrNone(Key("attention.sliding_window"), 0, int.MaxValue) ?? missing;
        if (window == 0)
            return windows;
        string key = Key("attention.sliding_window_pattern");
        bool isPeriod = _metadata.Has(key) && _metadata[key].Type.IsInteger();
        int period = isPeriod ? _metadata.Int(key, 0, int.MaxValue) : 0;
        bool[]? pattern = isPeriod ? null : _metadata.OptionalBools(key);
        if (pattern is not null && pattern.Length != Layers)
            throw _metadata.Fault($"\"{key}\" has {pattern.Length} entries; expected {Layers}, one per layer");
        for (int layer = 0; layer < Layers; layer++)
        {
            bool isSliding = isPeriod ? period == 0 || (layer + 1) % period != 0 : pattern?[layer] ?? slides?.Invoke(layer) ?? true;
            windows[layer] = isSliding ? window : null;
        }

        return windows;
    }

    // Vocabularies in SentencePiece's manner have defaults.
    private int? TokenId(string name, int? ofSentencePiece, int vocabulary)
    {
        string key = $"tokenizer.ggml.{name}_token_id";
        if (_metadata.Has(key))
            return _metadata.OptionalId(key, vocabulary);
        return _metadata.OptionalString("tokenizer.ggml.model") == "llama" && ofSentencePiece < vocabulary ? ofSentencePiece : null;
    }
}
