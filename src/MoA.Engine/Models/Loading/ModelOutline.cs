using MoA.Engine.Configuration;
using MoA.Engine.Files;

namespace MoA.Engine.Models.Loading;

/// <summary>What a model's files say of its shape, also where the engine does not run it; null where they say nothing that can be understood.</summary>
internal sealed record ModelOutline
{
    /// <summary>The architecture as the files call it.</summary>
    public string? Architecture { get; init; }

    /// <summary>Number of layers.</summary>
    public int? Layers { get; init; }

    /// <summary>Query heads of a layer.</summary>
    public int? QueryHeads { get; init; }

    /// <summary>Key/value heads of a layer.</summary>
    public int? KeyValueHeads { get; init; }

    /// <summary>Components of a head.</summary>
    public int? HeadSize { get; init; }

    /// <summary>Width of the residual stream.</summary>
    public int? HiddenSize { get; init; }

    /// <summary>Width of the MLP.</summary>
    public int? IntermediateSize { get; init; }

    /// <summary>Number of tokens.</summary>
    public int? VocabularySize { get; init; }

    /// <summary>The context in tokens.</summary>
    public int? MaxPositions { get; init; }

    /// <summary>The same of a model that the engine runs.</summary>
    internal static ModelOutline Of(ModelConfig config) => new()
    {
        Architecture = config.Architecture.ToString(),
        Layers = config.Layers,
        QueryHeads = config.QueryHeads,
        KeyValueHeads = config.KeyValueHeads,
        HeadSize = config.HeadSize,
        HiddenSize = config.HiddenSize,
        IntermediateSize = config.IntermediateSize,
        VocabularySize = config.VocabularySize,
        MaxPositions = config.MaxPositions,
    };

    /// <summary>Reads a <c>config.json</c>, or the part of it that describes the text model.</summary>
    /// <exception cref="InvalidInputException">It cannot be read or is no JSON object.</exception>
    internal static ModelOutline ReadFolder(string configFile) => JsonField.ReadFile(configFile, static root =>
    {
        JsonField shape = root["text_config"] is { IsObject: true } text ? text : root;
        return new ModelOutline
        {
            Architecture = Known(() => root["architectures"].Items().First().AsString()) ?? Known(() => root["model_type"].AsString()),
            Layers = Size("num_hidden_layers"),
            QueryHeads = Size("num_attention_heads"),
            KeyValueHeads = Size("num_key_value_heads") ?? Size("num_attention_heads"),
            HeadSize = Size("head_dim") ?? Size("hidden_size") / Size("num_attention_heads"),
            HiddenSize = Size("hidden_size"),
            IntermediateSize = Size("intermediate_size"),
            VocabularySize = Size("vocab_size"),
            MaxPositions = Size("max_position_embeddings"),
        };

        int? Size(string key) => Known<int?>(() => shape[key].AsOptionalInteger(1, int.MaxValue));
    });

    /// <summary>Reads the metadata of a GGUF file.</summary>
    internal static ModelOutline Read(GgufMetadata metadata)
    {
        string? architecture = Known(() => metadata.String("general.architecture"));
        int? heads = Size("attention.head_count"), hidden = Size("embedding_length");
        return new ModelOutline
        {
            Architecture = architecture,
            Layers = Size("block_count"),
            QueryHeads = heads,
            KeyValueHeads = Size("attention.head_count_kv") ?? heads,
            HeadSize = Size("attention.key_length") ?? hidden / heads,
            HiddenSize = hidden,
            IntermediateSize = Size("feed_forward_length"),
            VocabularySize = Size("vocab_size"),
            MaxPositions = Size("context_length"),
        };

        int? Size(string key) => Known<int?>(() => metadata.OptionalInt($"{architecture}.{key}", 1, int.MaxValue));
    }

    // What is missing or of another kind is not known; what matters is refused elsewhere, in words.
    private static T? Known<T>(Func<T?> read)
    {
        try
        {
            return read();
        }
        catch (Exception e) when (e is InvalidInputException or InvalidOperationException)
        {
            return default;
        }
    }
}
