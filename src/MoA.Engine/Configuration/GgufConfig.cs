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

    /// <summary>A key that begins with the architecture's name.</summary>
    public string Key(string name) => $"{_architecture}.{name}";

    /// <summary>The model with what all families say alike, its layers as Llama's.</summary>
    public ModelConfig Model()
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
        RopeScaling scaling = GgufRope.Read(_checkpoint, Key, rotary / 2, maxPositions);
        RopeSettings full = new(_metadata.OptionalDouble(Key("rope.freq_base"), double.Epsilon, 1e30) ?? 10_000, scaling);
        RopeSettings sliding = _metadata.OptionalDouble(Key("rope.freq_base_swa"), double.Epsilon, 1e30) is double local
            ? new RopeSettings(local, new RopeScaling.None())
            : full;
        int?[] windows = SlidingWindows();
        FeedForwardDescription feedForward = new()
        {
            IntermediateSize = IntOfLayers("feed_forward_length", LargestWidth) ?? throw _metadata.Missing(Key("feed_forward_length")),
            Activation = _family.Defaults.Activation,
        };
        return new ModelConfig
        {
            Architecture = _family,
            LayerDescriptions = [.. windows.Select(window => new LayerDescription { Window = window, Rope = window is null ? full : sliding, FeedForward = feedForward })],
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

    private void RefuseWhatIsNotRun()
    {
        if (_metadata.OptionalInt(Key("expert_count"), 0, int.MaxValue) is > 0)
            throw _metadata.Fault("the model is a mixture of experts; expected one with dense feed-forward layers");
        if (!_metadata.Bool(Key("attention.causal"), missing: true))
            throw _metadata.Fault("the model's attention is not causal; expected a model that generates text");
        if (_metadata.OptionalDouble(Key("attention.scale"), 0, 1e6) is > 0)
            throw _metadata.Fault($"\"{Key("attention.scale")}\" is given; expected the scale 1/√d of the head size");
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

    private int?[] SlidingWindows()
    {
        int?[] windows = new int?[Layers];
        int window = _metadata.OptionalIntOrNone(Key("attention.sliding_window"), 0, int.MaxValue) ?? 0;
        if (window == 0)
            return windows;
        bool[]? pattern = _metadata.OptionalBools(Key("attention.sliding_window_pattern"));
        if (pattern is not null && pattern.Length != Layers)
        {
            throw _metadata.Fault($"\"{Key("attention.sliding_window_pattern")}\" has {pattern.Length} entries; expected " +
                $"{Layers}, one per layer");
        }

        for (int layer = 0; layer < Layers; layer++)
            windows[layer] = pattern is null || pattern[layer] ? window : null;
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
