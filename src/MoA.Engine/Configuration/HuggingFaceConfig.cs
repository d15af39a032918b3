using MoA.Engine.Files;

namespace MoA.Engine.Configuration;

/// <summary>
/// Reads the <c>config.json</c> of a Hugging Face checkpoint. Values that a file leaves out get the defaults of the
/// transformers library; sizes have none.
/// </summary>
internal static class HuggingFaceConfig
{
    // Limits far above any real model, low enough that no product of sizes overflows.
    private const int LargestWidth = 1 << 24;
    private const int MostHeads = 1 << 12;
    private const int LargestHead = 1 << 12;
    private const int MostLayers = 1 << 14;
    private const int LargestVocabulary = 1 << 28;

    private const string WithHead = "ForCausalLM";

    // Architectures are named so with ForCausalLM behind it, or Model where the file was saved without the head.
    private static readonly (string Stem, string ModelType, ModelFamily Family)[] Supported =
    [
        ("Llama", "llama", ModelFamily.Llama),
        ("Mistral", "mistral", ModelFamily.Mistral),
        ("Qwen2", "qwen2", ModelFamily.Qwen2),
        ("Qwen3", "qwen3", ModelFamily.Qwen3),
        ("Phi3", "phi3", ModelFamily.Phi3),
    ];

    public static ModelConfig Read(string path) => JsonField.ReadFile(path, Read);

    private static ModelConfig Read(JsonField file)
    {
        ModelFamily family = Family(file);
        RefuseWhatIsNotRun(file);
        int hidden = file["hidden_size"].AsInteger(1, LargestWidth);
        int layers = file["num_hidden_layers"].AsInteger(1, MostLayers);
        int vocabulary = file["vocab_size"].AsInteger(1, LargestVocabulary);
        int queryHeads = file["num_attention_heads"].AsInteger(1, MostHeads);
        int keyValueHeads = file["num_key_value_heads"].AsOptionalInteger(1, MostHeads) ?? queryHeads;
        if (queryHeads % keyValueHeads != 0)
        {
            throw file.Refuse($"\"num_attention_heads\" is {queryHeads} and \"num_key_value_heads\" is " +
                $"{keyValueHeads}; expected a multiple of the latter");
        }

        int headSize = HeadSize(file, hidden, queryHeads);
        HuggingFaceRope rope = new(
            file, headSize, file["max_position_embeddings"].AsOptionalInteger(1, int.MaxValue) ?? DefaultMaxPositions(family));
        return new ModelConfig
        {
            Architecture = family,
            HiddenSize = hidden,
            IntermediateSize = file["intermediate_size"].AsInteger(1, LargestWidth),
            Layers = layers,
            QueryHeads = queryHeads,
            KeyValueHeads = keyValueHeads,
            HeadSize = headSize,
            VocabularySize = vocabulary,
            MaxPositions = rope.MaxPositions,
            RmsNormEpsilon = file["rms_norm_eps"].AsOptionalNumber(double.Epsilon, 1) ?? 1e-6,
            RopeTheta = rope.Full.Theta,
            RopeScaling = rope.Full.Scaling,
            SlidingRope = rope.Sliding,
            RotaryDimensions = rope.RotaryDimensions,
            TieWordEmbeddings = file["tie_word_embeddings"].AsBoolean(missing: false),
            SlidingWindows = SlidingWindows(file, family, layers),
            BosTokenId = TokenIds(file, "bos_token_id", family, 1, vocabulary) is [int bos, ..] ? bos : null,
            EosTokenIds = TokenIds(file, "eos_token_id", family, 2, vocabulary),
        };
    }

    private static ModelFamily Family(JsonField file)
    {
        string? architecture = file["architectures"] is { HasValue: true } names ? names.Items().FirstOrDefault().AsOptionalString() : null;
        string? named = architecture ?? file["model_type"].AsOptionalString();
        foreach ((string stem, string modelType, ModelFamily family) in Supported)
        {
            if (architecture is null ? named == modelType : named == stem + WithHead || named == stem + "Model")
                return family;
        }

        string supported = string.Join(", ", Supported.Select(known => known.Stem + WithHead));
        throw file.Refuse(named is null
            ? $"\"architectures\" is missing; expected one of {supported}"
            : $"the architecture is \"{InputFile.Cut(named)}\"; expected one of {supported}");
    }

    private static void RefuseWhatIsNotRun(JsonField file)
    {
        if (file["quantization_config"] is { HasValue: true } quantization)
        {
            string? method = quantization["quant_method"].AsOptionalString();
            throw file.Refuse($"the checkpoint is quantised ({InputFile.Cut(method ?? "quantization_config")}); " +
                "expected one in F32, F16 or BF16");
        }

        string activation = file["hidden_act"].AsOptionalString() ?? "silu";
        if (activation is not ("silu" or "swish"))
            throw file.Refuse($"\"hidden_act\" is \"{InputFile.Cut(activation)}\"; expected \"silu\"");
    }

    private static int HeadSize(JsonField file, int hidden, int queryHeads)
    {
        int? given = file["head_dim"].AsOptionalInteger(1, LargestHead);
        if (given is null && hidden % queryHeads != 0)
        {
            throw file.Refuse($"\"hidden_size\" is {hidden} and \"num_attention_heads\" is {queryHeads}; " +
                "expected a multiple of the latter, or \"head_dim\"");
        }

        int size = given ?? hidden / queryHeads;
        if (size % 2 != 0 || size > LargestHead)
            throw file.Refuse($"the size of a head is {size}; expected an even number up to {LargestHead}");
        return size;
    }

    private static int DefaultMaxPositions(ModelFamily family) => family switch
    {
        ModelFamily.Llama => 2048,
        ModelFamily.Mistral => 131_072,
        ModelFamily.Phi3 => 4096,
        _ => 32_768,
    };

    private static int?[] SlidingWindows(JsonField file, ModelFamily family, int layers)
    {
        if (family == ModelFamily.Llama)
            return [];
        bool qwen = family is ModelFamily.Qwen2 or ModelFamily.Qwen3;
        JsonField given = file["sliding_window"];
        int? window = given.Exists ? given.AsOptionalIntegerOrNone(1, int.MaxValue) : family == ModelFamily.Phi3 ? null : 4096;
        if (window is null || (qwen && !file["use_sliding_window"].AsBoolean(missing: false)))
            return [];

        int first = qwen ? file["max_window_layers"].AsOptionalInteger(0, int.MaxValue) ?? 28 : 0;
        string[]? kinds = file["layer_types"] is { HasValue: true } types ? [.. types.Items().Select(kind => kind.AsString())] : null;
        if (kinds is not null && kinds.Length != layers)
            throw file.Refuse($"\"layer_types\" has {kinds.Length} entries; expected {layers}, one per layer");
        var windows = new int?[layers];
        for (int layer = 0; layer < layers; layer++)
        {
            bool slides = kinds?[layer] switch
            {
                null => layer >= first,
                "sliding_attention" => true,
                "full_attention" => false,
                string other => throw file.Refuse($"\"layer_types[{layer}]\" is \"{InputFile.Cut(other)}\"; " +
                    "expected \"full_attention\" or \"sliding_attention\""),
            };
            windows[layer] = slides ? window : null;
        }

        return windows;
    }

    private static int[] TokenIds(JsonField file, string key, ModelFamily family, int ofLlama, int vocabulary)
    {
        if (file[key] is { Exists: true } given)
            return given.AsTokenIds(vocabulary - 1);
        bool hasDefault = family is ModelFamily.Llama or ModelFamily.Mistral && ofLlama < vocabulary;
        return hasDefault ? [ofLlama] : [];
    }
}
