using MoA.Engine.Files;

namespace MoA.Engine.Configuration;

/// <summary>
/// Reads the <c>config.json</c> of a Hugging Face checkpoint. Values that a file leaves out get the defaults of the
/// transformers library; sizes have none. A <see cref="ModelFamily"/> adds what is its own.
/// </summary>
internal sealed class HuggingFaceConfig
{
    // Limits far above any real model, low enough that no product of sizes overflows.
    private const int LargestWidth = 1 << 24;
    private const int MostHeads = 1 << 12;
    private const int LargestHead = 1 << 12;
    private const int MostLayers = 1 << 14;
    private const int LargestVocabulary = 1 << 28;

    private const string WithHead = "ForCausalLM";

    private readonly JsonField _file;
    private readonly ModelFamily _family;
    private readonly ConfigDefaults _defaults;

    private HuggingFaceConfig(JsonField file)
    {
        _family = FamilyOf(file);
        _file = file;
        _defaults = _family.Defaults;
        if (file["quantization_config"] is { HasValue: true } quantization)
        {
            string? method = quantization["quant_method"].AsOptionalString();
            throw file.Refuse($"the checkpoint is quantised ({InputFile.Cut(method ?? "quantization_config")}); " +
                "expected one in F32, F16 or BF16");
        }

        HiddenSize = file["hidden_size"].AsInteger(1, LargestWidth);
        Layers = file["num_hidden_layers"].AsInteger(1, MostLayers);
        VocabularySize = file["vocab_size"].AsInteger(1, LargestVocabulary);
        QueryHeads = file["num_attention_heads"].AsInteger(1, MostHeads);
        KeyValueHeads = file["num_key_value_heads"].AsOptionalInteger(1, MostHeads) ?? QueryHeads;
        if (QueryHeads % KeyValueHeads != 0)
        {
            throw file.Refuse($"\"num_attention_heads\" is {QueryHeads} and \"num_key_value_heads\" is " +
                $"{KeyValueHeads}; expected a multiple of the latter");
        }

        HeadSize = ReadHeadSize();
        Rope = new HuggingFaceRope(
            file, HeadSize, file["max_position_embeddings"].AsOptionalInteger(1, int.MaxValue) ?? _defaults.MaxPositions, _defaults.RopeTheta);
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
    /// <param name="windows">The layers' windows; empty for none.</param>
    public ModelConfig Model(params IReadOnlyList<int?> windows)
    {
        FeedForwardDescription feedForward = new() { IntermediateSize = _file["intermediate_size"].AsInteger(1, LargestWidth), Activation = ReadActivation() };
        return new ModelConfig
        {
            Architecture = _family,
            LayerDescriptions = [.. Enumerable.Range(0, Layers).Select(layer =>
            {
                int? window = windows.Count == 0 ? null : windows[layer];
                return new LayerDescription { Window = window, Rope = window is null ? Rope.Full : Rope.Sliding ?? Rope.Full, FeedForward = feedForward };
            })],
            HiddenSize = HiddenSize,
            QueryHeads = QueryHeads,
            KeyValueHeads = KeyValueHeads,
            HeadSize = HeadSize,
            VocabularySize = VocabularySize,
            MaxPositions = Rope.MaxPositions,
            RmsNormEpsilon = _file["rms_norm_eps"].AsOptionalNumber(double.Epsilon, 1) ?? _defaults.RmsNormEpsilon,
            RotaryDimensions = Rope.RotaryDimensions,
            TieWordEmbeddings = _file["tie_word_embeddings"].AsBoolean(missing: _defaults.TieWordEmbeddings),
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

    private static ModelConfig Read(JsonField file)
    {
        HuggingFaceConfig config = new(file);
        return config._family.Read(config);
    }

    // Architectures are named so with ForCausalLM behind it, or Model where the file was saved without the head.
    private static ModelFamily FamilyOf(JsonField file)
    {
        string? architecture = file["architectures"] is { HasValue: true } names ? names.Items().FirstOrDefault().AsOptionalString() : null;
        string? named = architecture ?? file["model_type"].AsOptionalString();
        ModelFamily? known = ModelFamily.All.FirstOrDefault(family => architecture is null
            ? named == family.ModelType
            : named == family.Name + WithHead || named == family.Name + "Model");
        if (known is not null)
            return known;
        string supported = string.Join(", ", ModelFamily.All.Select(family => family.Name + WithHead));
        throw file.Refuse(named is null
            ? $"\"architectures\" is missing; expected one of {supported}"
            : $"the architecture is \"{InputFile.Cut(named)}\"; expected one of {supported}");
    }

    private int ReadHeadSize()
    {
        int? given = _file["head_dim"].AsOptionalInteger(1, LargestHead);
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
        if (_file[key] is { Exists: true } given)
            return given.AsTokenIds(VocabularySize - 1);
        return missing is int id && id < VocabularySize ? [id] : [];
    }
}
