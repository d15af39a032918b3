using MoA.Engine.Files;
using MoA.Engine.Tokenization.Bpe;
using MoA.Engine.Tokenization.Decoding;
using MoA.Engine.Tokenization.PreTokenizing;

namespace MoA.Engine.Tokenization;

/// <summary>
/// Reads a tokenizer from the metadata of a GGUF file: <c>tokenizer.huggingface.json</c> where the file has it, else the
/// vocabulary under <c>tokenizer.ggml</c> of the kinds <c>llama</c> (SentencePiece) and <c>gpt2</c> (byte-level BPE).
/// </summary>
internal sealed class GgufVocabulary
{
    /// <summary>A whole tokenizer.json.</summary>
    public const string HuggingFaceKey = "tokenizer.huggingface.json";

    /// <summary>The chat template's source.</summary>
    public const string ChatTemplateKey = "tokenizer.chat_template";

    /// <summary>The template for conversations with tools, where it is another.</summary>
    public const string ToolTemplateKey = "tokenizer.chat_template.tool_use";

    /// <summary>Whether spaces at the ends of a text are dropped and several in a row become one.</summary>
    public const string RemovesSpacesKey = "tokenizer.ggml.remove_extra_whitespaces";

    private const string ModelKey = "tokenizer.ggml.model";

    private readonly GgufMetadata _metadata;
    private readonly List<string> _tokens;
    private readonly GgufTokenType[] _types;

    private GgufVocabulary(GgufMetadata metadata)
    {
        _metadata = metadata;
        _tokens = metadata.OptionalStrings("tokenizer.ggml.tokens") ?? throw metadata.Missing("tokenizer.ggml.tokens");
        _types = ReadTypes();
    }

    /// <summary>Whether a file holds a tokenizer.</summary>
    public static bool Exists(GgufMetadata metadata) =>
        metadata.OptionalString(ModelKey) is not (null or "none" or "no_vocab");

    /// <summary>The parts of the tokenizer that a file holds.</summary>
    /// <param name="path">The file, for messages.</param>
    /// <param name="metadata">Its metadata.</param>
    /// <exception cref="InvalidInputException">There is none, or it is malformed or of an unsupported kind.</exception>
    public static TokenizerParts Read(string path, GgufMetadata metadata)
    {
        if (!Exists(metadata))
            throw metadata.Fault("holds no tokenizer; expected one: convert the model again with its tokenizer");
        GgufVocabulary vocabulary = new(metadata);
        try
        {
            return vocabulary.Read(path);
        }
        catch (InvalidInputException e) when (!e.Message.StartsWith(path, StringComparison.Ordinal))
        {
            throw InputFile.Error(path, e.Message, e);
        }
    }

    /// <summary>What a file says besides the vocabulary itself.</summary>
    /// <exception cref="InvalidInputException">A value is malformed.</exception>
    public static TokenizerConfig ReadConfig(GgufMetadata metadata)
    {
        if (!Exists(metadata))
            return new TokenizerConfig(null, null, null);
        GgufVocabulary vocabulary = new(metadata);
        return new(vocabulary.SpecialToken("bos"), vocabulary.SpecialToken("eos"), metadata.OptionalString(ChatTemplateKey))
        {
            ToolTemplate = metadata.OptionalString(ToolTemplateKey),
        };
    }

    private TokenizerParts Read(string path)
    {
        string? bos = SpecialToken("bos"), eos = SpecialToken("eos");
        if (_metadata.OptionalString(HuggingFaceKey) is string json)
            return TokenizerJson.ReadText($"{path}, {HuggingFaceKey}", json) with { BosToken = bos, EosToken = eos };
        string kind = _metadata.String(ModelKey);
        TokenizerParts parts = kind switch
        {
            "llama" => ReadSentencePiece(),
            "gpt2" => ReadByteLevel(),
            _ => throw _metadata.Fault(
                $"the tokenizer is of the kind \"{InputFile.Cut(kind)}\"; expected llama (SentencePiece) or gpt2 (byte-level BPE)"),
        };
        return parts with { AddedTokens = ReadAddedTokens(), BosToken = bos, EosToken = eos };
    }

    private TokenizerParts ReadSentencePiece()
    {
        float[] scores = _metadata.OptionalFloats("tokenizer.ggml.scores") ?? new float[_tokens.Count];
        if (scores.Length != _tokens.Count || scores.Any(float.IsNaN))
            throw _metadata.Fault($"\"tokenizer.ggml.scores\" has {scores.Length} numbers; expected {_tokens.Count}, one per token, none NaN");
        SentencePieceModel model = new(
            Vocabulary(type => type != GgufTokenType.Unused),
            Vocabulary(type => type is GgufTokenType.Normal or GgufTokenType.UserDefined),
            scores,
            _metadata.OptionalId("tokenizer.ggml.unknown_token_id", _tokens.Count) ?? FirstOf(GgufTokenType.Unknown));
        bool addsSpace = _metadata.Bool("tokenizer.ggml.add_space_prefix", missing: true);
        return SentencePieceFolder.Compose(model, addsSpace ? PrependScheme.Always : PrependScheme.Never, _metadata.Bool(RemovesSpacesKey, missing: false)) with
        {
            Prefix = Added("bos", missing: true),
            Suffix = Added("eos", missing: false),
        };
    }

    private TokenizerParts ReadByteLevel()
    {
        string name = _metadata.OptionalString("tokenizer.ggml.pre") ?? "default";
        GgufPreTokenizers splitting = GgufPreTokenizers.Find(name) ?? throw _metadata.Fault(
            $"the pre-tokenizer is \"{InputFile.Cut(name)}\"; expected one of {GgufPreTokenizers.AllNames}");
        List<string> merges = _metadata.OptionalStrings("tokenizer.ggml.merges") ?? throw _metadata.Missing("tokenizer.ggml.merges");
        return new TokenizerParts
        {
            Normalizer = splitting.Normalizer,
            PreTokenizer = splitting.Create(),
            Model = new BpeModel(
                Vocabulary(type => type is not (GgufTokenType.Unused or GgufTokenType.Control or GgufTokenType.UserDefined)),
                [.. merges.Select(SplitMerge)],
                new BpeOptions { IgnoreMerges = splitting.IgnoresMerges }),
            Decoder = new ByteLevelDecoder(),
            Prefix = Added("bos", splitting.AddsBos),
            Suffix = Added("eos", missing: false),
        };
    }

    private GgufTokenType[] ReadTypes()
    {
        const string Key = "tokenizer.ggml.token_type";
        if (_metadata.OptionalFloats(Key) is not float[] numbers)
            return [.. Enumerable.Repeat(GgufTokenType.Normal, _tokens.Count)];
        if (numbers.Length != _tokens.Count)
            throw _metadata.Fault($"\"{Key}\" has {numbers.Length} numbers; expected {_tokens.Count}, one per token");
        GgufTokenType[] types = [.. numbers.Select(number => (GgufTokenType)number)];
        for (int id = 0; id < types.Length; id++)
        {
            if (types[id] == 0)
                types[id] = GgufTokenType.Normal; // what writers without a notion of types put there
            else if (!Enum.IsDefined(types[id]))
                throw _metadata.Fault($"token {id} is of type {(int)types[id]}; expected 1 to 6");
        }

        return types;
    }

    private Dictionary<string, int> Vocabulary(Func<GgufTokenType, bool> belongs)
    {
        Dictionary<string, int> vocabulary = new(_tokens.Count, StringComparer.Ordinal);
        for (int id = 0; id < _tokens.Count; id++)
        {
            if (_tokens[id].Length > 0 && belongs(_types[id]) && !vocabulary.TryAdd(_tokens[id], id))
            {
                throw _metadata.Fault(
                    $"the token \"{InputFile.Cut(_tokens[id])}\" has the ids {vocabulary[_tokens[id]]} and {id}; expected one");
            }
        }

        return vocabulary;
    }

    private AddedToken[] ReadAddedTokens() =>
    [
        .. Enumerable.Range(0, _tokens.Count)
            .Where(id => _types[id] is GgufTokenType.Control or GgufTokenType.Unknown or GgufTokenType.UserDefined && _tokens[id].Length > 0)
            .Select(id => new AddedToken(id, _tokens[id]) { Special = _types[id] != GgufTokenType.UserDefined }),
    ];

    private int? FirstOf(GgufTokenType type) => Array.IndexOf(_types, type) is >= 0 and int id ? id : null;

    private int[] Added(string name, bool missing) =>
        _metadata.Bool($"tokenizer.ggml.add_{name}_token", missing) && SpecialId(name) is int id ? [id] : [];

    private string? SpecialToken(string name) => SpecialId(name) is int id ? _tokens[id] : null;

    private int? SpecialId(string name)
    {
        string key = $"tokenizer.ggml.{name}_token_id";
        if (_metadata.Has(key))
            return _metadata.OptionalId(key, _tokens.Count);
        int missing = name == "bos" ? 1 : 2;
        return _metadata.OptionalString(ModelKey) == "llama" && missing < _tokens.Count ? missing : null;
    }

    // "left right"; either may begin with a space, which then is part of it.
    private (string Left, string Right) SplitMerge(string merge, int rank)
    {
        int space = merge.Length < 3 ? -1 : merge.IndexOf(' ', 1);
        return space > 0
            ? (merge[..space], merge[(space + 1)..])
            : throw _metadata.Fault($"merge {rank + 1} is \"{InputFile.Cut(merge)}\"; expected two tokens with a space between");
    }
}
