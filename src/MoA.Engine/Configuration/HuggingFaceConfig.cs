using MoA.Engine.Files;

namespace MoA.Engine.Configuration;

/// <summary>
/// Reads the <c>config.json</c> of a Hugging Face checkpoint. Values that a file leaves out get the defaults of the
/// transformers library; sizes have none. A <see cref="ModelFamily"/> adds what is its own.
/// </summary>
internal sealed class HuggingFaceConfig
{
    // Limits far above any real model, low enough that no product of sizes overflows.
    internal const int LargestWidth = 1 << 24;
    internal const int MostExperts = 1 << 14;
    private const int MostHeads = 1 << 12;
    private const int LargestHead = 1 << 12;
    private const int MostLayers = 1 << 14;
    private const int LargestVocabulary = 1 << 28;

    private readonly JsonField _root;
    private readonly JsonField _file;
    private readonly ModelFamily _family;
    private readonly ConfigDefaults _defaults;

    private HuggingFaceConfig(JsonField file)
    {
        _root = file;
        _family = FamilyOf(file);
        _defaults = _family.Defaults;
        if (file["quantization_config"] is { HasValue: true } quantization)
        {
            string? method = quantization["quant_method"].AsOptionalString();
            if (method != "mxfp4" || !_family.ReadsMxfp4)
            {
                throw file.Refuse($"the checkpoint is quantised ({InputFile.Cut(method ?? "quantization_config")}); " +
                    $"expected one in F32, F16{(_family.ReadsMxfp4 ? ", BF16 or MXFP4" : " or BF16")}");
            }
        }

        // A model of several kinds of input keeps what its text model is apart.
        _file = file["text_config"] is { HasValue: true } text ? text : file;
        HiddenSize = _file["hidden_size"].AsInteger(1, LargestWidth);
        Layers = _file["num_hidden_layers"].AsInteger(1, MostLayers);
        VocabularySize = Size("vocab_size", LargestVocabulary, _defaults.VocabularySize);
        QueryHeads = Size("num_attention_heads", MostHeads, _defaults.QueryHeads);
        KeyValueHeads = _file["num_key_value_heads"].AsOptionalInteger(1, MostHeads) ?? _defaults.KeyValueHeads ?? QueryHeads;
        if (QueryHeads % KeyValueHeads != 0)
        {
            throw _file.Refuse($"\"num_attention_heads\" is {QueryHeads} and \"num_key_value_heads\" is " +
                $"{KeyValueHeads}; expected a multiple of the latter");
        }

        HeadSize = ReadHeadSize();
        Rope = new HuggingFaceRope(
            _file, HeadSize, _file["max_position_embeddings"].AsOptionalInteger(1, int.MaxValue) ?? _defaults.MaxPositions, _defaults.RopeTheta);
    }

    public int HiddenSize { get; }

    public int Layers { get; }

    public int VocabularySize { get; }

    public int QueryHeads { get; }

    public int KeyValueHeads { get; }

    public int HeadSize { get; }

    /// <summary>What the file says of rotary position embedding.</summary>
    public HuggingFaceRope Rope { get; }

    /// <summary>A field of the file.</summary>
    public JsonField this[string key] => _file[key];

    /// <summary>Reads a file.</summary>
    /// <exception cref="InvalidInputException">A value is missing or out of range, or the model is of a kind that the engine does not run.</exception>
    public static ModelConfig Read(string path) => JsonField.ReadFile(path, Read);

    /// <summary>The model with what all families say alike, its layers as Llama's.</summary>
    /// <param name="windows">The layers' windows; none where they are left out.</param>
    /// <param name="local">The rotary embedding of layers with a window, where the family has its own.</param>
    public ModelConfig Model(IReadOnlyList<int?>? windows = null, RopeSettings? local = null)
    {
        local ??= Rope.Sliding ?? Rope.Full;
        FeedForwardDescription feedForward = new() { IntermediateSize = _file["intermediate_size"].AsInteger(1, LargestWidth), Activation = ReadActivation() };
        return new ModelConfig
        {
            Architecture = _family,
            LayerDescriptions = [.. Enumerable.Range(0, Layers).Select(layer =>
            {
                int? window = windows is null or [] ? null : windows[layer];
                return new LayerDescription { Window = window, Rope = window is null ? Rope.Full : local, FeedForward = feedForward };
            })],
            HiddenSize = HiddenSize,
            QueryHeads = QueryHeads,
            KeyValueHeads = KeyValueHeads,
            HeadSize = HeadSize,
            VocabularySize = VocabularySize,
            MaxPositions = Rope.MaxPositions,
            RmsNormEpsilon = _file["rms_norm_eps"].AsOptionalNumber(double.Epsilon, 1) ?? _defaults.RmsNormEpsilon,
            RotaryDimensions = Rope.RotaryDimensions,
            TieWordEmbeddings = Outer("tie_word_embeddings").AsBoolean(missing: _defaults.TieWordEmbeddings),
            BosTokenId = TokenIds("bos_token_id", _defaults.BosTokenId) is [int bos, ..] ? bos : null,
            EosTokenIds = TokenIds("eos_token_id", _defaults.EosTokenId),
        };
    }

    /// <summary>The layers' windows: those that <c>layer_types</c> calls sliding, or else the family's own choice.</summary>
    /// <param name="missing">The window where the file does not say; null for none.</param>
    /// <param name="slides">Whether a layer slides where there are no <c>layer_types</c>.</param>
    public int?[] Windows(int? missing, Func<int, bool> slides)
    {
        JsonField given = _file["sliding_window"];
        if ((given.Exists ? given.AsOptionalIntegerOrNone(1, int.MaxValue) : missing) is not int window)
            return [];
        string[]? kinds = _file["layer_types"] is { HasValue: true } types ? [.. types.Items().Select(kind => kind.AsString())] : null;
        if (kinds is not null && kinds.Length != Layers)
            throw _file.Refuse($"\"layer_types\" has {kinds.Length} entries; expected {Layers}, one per layer");
        return [.. Enumerable.Range(0, Layers).Select(layer => Slides(layer) ? window : (int?)null)];

        bool Slides(int layer) => kinds?[layer] switch
        {
            null => slides(layer),
            "sliding_attention" => true,
            "full_attention" => false,
            string other => throw _file.Refuse($"\"layer_types[{layer}]\" is \"{InputFile.Cut(other)}\"; " +
                "expected \"full_attention\" or \"sliding_attention\""),
        };
    }

    /// <summary>A soft cap; null where there is none.</summary>
    /// <param name="key">Its key.</param>
    /// <param name="missing">Its value where the file does not say.</param>
    public double? SoftCap(string key, double? missing) => _file[key] is { Exists: true } given ? given.AsOptionalNumber(1e-6, 1e6) : missing;

    /// <summary>The experts of a layer.</summary>
    /// <param name="countKey">What the file calls their number.</param>
    /// <param name="isNormalized">Whether their weights add up to 1.</param>
    public ExpertDescription Experts(string countKey, bool isNormalized)
    {
        int count = _file[countKey].AsInteger(1, MostExperts);
        string usedKey = _file["num_experts_per_tok"].HasValue || !_file["experts_per_token"].HasValue ? "num_experts_per_tok" : "experts_per_token";
        return new ExpertDescription { Count = count, Used = _file[usedKey].AsInteger(1, count), IsNormalized = isNormalized };
    }

    /// <summary>Reads the root of a file.</summary>
    public static ModelConfig Read(JsonField file)
    {
        HuggingFaceConfig config = new(file);
        return config._family.Read(config);
    }

    private static ModelFamily FamilyOf(JsonField file)
    {
        string? architecture = file["architectures"] is { HasValue: true } names ? names.Items().FirstOrDefault().AsOptionalString() : null;
        string? type = file["model_type"].AsOptionalString(), textType = file["text_config"] is { HasValue: true } text ? text["model_type"].AsOptionalString() : null;
        ModelFamily? known = ModelFamily.All.FirstOrDefault(family => architecture is null ? type == family.ModelType : family.Accepts(architecture)) ??
            ModelFamily.All.FirstOrDefault(family => textType == family.ModelType);
        if (known is not null)
            return known;
        string supported = string.Join(", ", ModelFamily.All.Select(family => family.Name + "ForCausalLM"));
        throw file.Refuse((architecture ?? type) is string named
            ? $"the architecture is \"{InputFile.Cut(named)}\"; expected one of {supported}"
            : $"\"architectures\" is missing; expected one of {supported}");
    }

    // What a model of several kinds of input may say of its text model beside it.
    private JsonField Outer(string key) => _file[key] is { Exists: true } given ? given : _root[key];

    private int Size(string key, int most, int? missing) =>
        missing is null ? _file[key].AsInteger(1, most) : _file[key].AsOptionalInteger(1, most) ?? missing.Value;

    private int ReadHeadSize()
    {
        int? given = _file["head_dim"].AsOptionalInteger(1, LargestHead) ?? _defaults.HeadSize;
        if (given is null && HiddenSize % QueryHeads != 0)
        {
            throw _file.Refuse($"\"hidden_size\" is {HiddenSize} and \"num_attention_heads\" is {QueryHeads}; " +
                "expected a multiple of the latter, or \"head_dim\"");
        }

        int size = given ?? HiddenSize / QueryHeads;
        if (size % 2 != 0 || size > LargestHead)
            throw _file.Refuse($"the size of a head is {size}; expected an even number up to {LargestHead}");
        return size;
    }

    // Gemma's files name the activation twice; the second is the one that counts.
    private Activation ReadActivation()
    {
        string key = _file["hidden_activation"].HasValue ? "hidden_activation" : "hidden_act";
        return _file[key].AsOptionalString() switch
        {
            null => _defaults.Activation,
            "silu" or "swish" => Activation.Silu,
            "gelu_pytorch_tanh" or "gelu_new" => Activation.GeluTanh,
            string other => throw _file.Refuse($"\"{key}\" is \"{InputFile.Cut(other)}\"; expected \"silu\" or \"gelu_pytorch_tanh\""),
        };
    }

    private int[] TokenIds(string key, int? missing)
    {
        if (Outer(key) is { Exists: true } given)
            return given.AsTokenIds(VocabularySize - 1);
        return missing is int id && id < VocabularySize ? [id] : [];
    }
}
