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

    private static readonly (string Architecture, string ModelType, ModelFamily Family)[] Supported =
    [
        ("LlamaForCausalLM", "llama", ModelFamily.Llama),
        ("MistralForCausalLM", "mistral", ModelFamily.Mistral),
        ("Qwen2ForCausalLM", "qwen2", ModelFamily.Qwen2),
        ("Qwen3ForCausalLM", "qwen3", ModelFamily.Qwen3),
    ];

    public static ModelConfig Read(string path) => JsonFields.ReadFile(path, Read);

    private static ModelConfig Read(JsonFields file)
    {
        ModelFamily family = Family(file);
        RefuseWhatIsNotRun(file);
        int hidden = file.Int("hidden_size", 1, LargestWidth);
        int layers = file.Int("num_hidden_layers", 1, MostLayers);
        int vocabulary = file.Int("vocab_size", 1, LargestVocabulary);
        int queryHeads = file.Int("num_attention_heads", 1, MostHeads);
        int keyValueHeads = file.Int("num_key_value_heads", 1, MostHeads, missing: queryHeads);
        if (queryHeads % keyValueHeads != 0)
        {
            throw file.Fault($"\"num_attention_heads\" is {queryHeads} and \"num_key_value_heads\" is " +
                $"{keyValueHeads}; expected a multiple of the latter");
        }

        JsonFields? rope = file.OptionalObject("rope_parameters");
        double theta = file.Double("rope_theta", double.Epsilon, 1e30, missing: 10_000);
        return new ModelConfig
        {
            Architecture = family,
            HiddenSize = hidden,
            IntermediateSize = file.Int("intermediate_size", 1, LargestWidth),
            Layers = layers,
            QueryHeads = queryHeads,
            KeyValueHeads = keyValueHeads,
            HeadSize = HeadSize(file, hidden, queryHeads),
            VocabularySize = vocabulary,
            MaxPositions = file.Int("max_position_embeddings", 1, int.MaxValue, missing: DefaultMaxPositions(family)),
            RmsNormEpsilon = file.Double("rms_norm_eps", double.Epsilon, 1, missing: 1e-6),
            RopeTheta = rope?.OptionalDouble("rope_theta", double.Epsilon, 1e30) ?? theta,
            RopeScaling = Scaling(rope ?? file.OptionalObject("rope_scaling")),
            TieWordEmbeddings = file.Bool("tie_word_embeddings", missing: false),
            SlidingWindows = SlidingWindows(file, family, layers),
            BosTokenId = TokenIds(file, "bos_token_id", family, 1, vocabulary) is [int bos, ..] ? bos : null,
            EosTokenIds = TokenIds(file, "eos_token_id", family, 2, vocabulary),
        };
    }

    private static ModelFamily Family(JsonFields file)
    {
        string? architecture = file.OptionalStrings("architectures") is [string first, ..] ? first : null;
        string? named = architecture ?? file.OptionalString("model_type");
        foreach (var known in Supported)
        {
            if (named == (architecture is null ? known.ModelType : known.Architecture))
                return known.Family;
        }

        string supported = string.Join(", ", Supported.Select(known => known.Architecture));
        throw file.Fault(named is null
            ? $"\"architectures\" is missing; expected one of {supported}"
            : $"the architecture is \"{JsonFields.Cut(named)}\"; expected one of {supported}");
    }

    private static void RefuseWhatIsNotRun(JsonFields file)
    {
        if (file.Has("quantization_config"))
        {
            string? method = file.OptionalObject("quantization_config")?.OptionalString("quant_method");
            throw file.Fault($"the checkpoint is quantised ({JsonFields.Cut(method ?? "quantization_config")}); " +
                "expected one in F32, F16 or BF16");
        }

        string activation = file.OptionalString("hidden_act") ?? "silu";
        if (activation is not ("silu" or "swish"))
            throw file.Fault($"\"hidden_act\" is \"{JsonFields.Cut(activation)}\"; expected \"silu\"");
        double rotary = file.Double("partial_rotary_factor", 0, 1, missing: 1);
        if (rotary != 1)
            throw file.Fault("\"partial_rotary_factor\" is below 1; expected RoPE over whole heads");
    }

    private static int HeadSize(JsonFields file, int hidden, int queryHeads)
    {
        int? given = file.OptionalInt("head_dim", 1, LargestHead);
        if (given is null && hidden % queryHeads != 0)
        {
            throw file.Fault($"\"hidden_size\" is {hidden} and \"num_attention_heads\" is {queryHeads}; " +
                "expected a multiple of the latter, or \"head_dim\"");
        }

        int size = given ?? hidden / queryHeads;
        if (size % 2 != 0 || size > LargestHead)
            throw file.Fault($"the size of a head is {size}; expected an even number up to {LargestHead}");
        return size;
    }

    private static int DefaultMaxPositions(ModelFamily family) => family switch
    {
        ModelFamily.Llama => 2048,
        ModelFamily.Mistral => 131_072,
        _ => 32_768,
    };

    private static RopeScaling Scaling(JsonFields? settings)
    {
        if (settings is not { Count: > 0 } rope)
            return new RopeScaling.None();
        if (rope.Has("full_attention") || rope.Has("sliding_attention"))
            throw rope.Fault("\"rope_parameters\" differ by kind of layer; expected one set for all layers");
        string? kind = rope.OptionalString("rope_type") ?? rope.OptionalString("type");
        switch (kind)
        {
            case "default" or "none":
            case null when rope.Has("rope_theta"):
                return new RopeScaling.None();
            case "linear":
                return new RopeScaling.Linear(Factor(rope, "factor"));
            case "llama3":
                double low = Factor(rope, "low_freq_factor");
                double high = Factor(rope, "high_freq_factor");
                if (low >= high)
                    throw rope.Fault("\"low_freq_factor\" is not below \"high_freq_factor\"; expected low < high");
                return new RopeScaling.Llama3(
                    Factor(rope, "factor"), low, high, rope.Int("original_max_position_embeddings", 1, int.MaxValue));
            case null:
                throw rope.Missing("rope_type");
            default:
                throw rope.Fault($"the RoPE scaling is \"{JsonFields.Cut(kind)}\"; expected default, linear or llama3");
        }
    }

    private static double Factor(JsonFields rope, string key) => rope.Double(key, 1e-6, 1e6);

    private static int?[] SlidingWindows(JsonFields file, ModelFamily family, int layers)
    {
        if (family == ModelFamily.Llama)
            return [];
        bool qwen = family is ModelFamily.Qwen2 or ModelFamily.Qwen3;
        int? window = file.OptionalInt("sliding_window", 1, int.MaxValue);
        if (!file.Names("sliding_window"))
            window = 4096;
        if (window is null || (qwen && !file.Bool("use_sliding_window", missing: false)))
            return [];

        int first = qwen ? file.Int("max_window_layers", 0, int.MaxValue, missing: 28) : 0;
        string[]? kinds = file.OptionalStrings("layer_types");
        if (kinds is not null && kinds.Length != layers)
            throw file.Fault($"\"layer_types\" has {kinds.Length} entries; expected {layers}, one per layer");
        var windows = new int?[layers];
        for (int layer = 0; layer < layers; layer++)
        {
            bool slides = kinds?[layer] switch
            {
                null => layer >= first,
                "sliding_attention" => true,
                "full_attention" => false,
                string other => throw file.Fault($"\"layer_types[{layer}]\" is \"{JsonFields.Cut(other)}\"; " +
                    "expected \"full_attention\" or \"sliding_attention\""),
            };
            windows[layer] = slides ? window : null;
        }

        return windows;
    }

    private static int[] TokenIds(JsonFields file, string key, ModelFamily family, int ofLlama, int vocabulary)
    {
        int[]? given = file.OptionalInts(key, 0, vocabulary - 1);
        if (given is not null || file.Names(key))
            return given ?? [];
        bool hasDefault = family is ModelFamily.Llama or ModelFamily.Mistral && ofLlama < vocabulary;
        return hasDefault ? [ofLlama] : [];
    }
}
