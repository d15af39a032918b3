using MoA.Engine.Files;
using MoA.Engine.Tokenization.Bpe;
using MoA.Engine.Tokenization.Decoding;
using MoA.Engine.Tokenization.Normalizing;
using MoA.Engine.Tokenization.PreTokenizing;

namespace MoA.Engine.Tokenization;

/// <summary>
/// Composes a tokenizer of a <c>tokenizer.model</c> and the files beside it, as the tokenizers of the transformers library that are
/// not "fast" do: <c>tokenizer_config.json</c>, <c>special_tokens_map.json</c> and <c>added_tokens.json</c>.
/// </summary>
internal static class SentencePieceFolder
{
    private const string AddedTokensFile = "added_tokens.json";
    private const string SpaceMark = "\u2581";

    /// <summary>The parts of the tokenizer.</summary>
    /// <param name="path">The <c>tokenizer.model</c>.</param>
    /// <param name="config">What the files beside it say.</param>
    /// <exception cref="InvalidInputException">A file is malformed or of an unsupported kind.</exception>
    public static TokenizerParts Read(string path, TokenizerConfig config)
    {
        SentencePieceFile file = SentencePieceFile.Read(path);
        SentencePieceModel model = new(
            Vocabulary(file, _ => true),
            Vocabulary(file, type => type is GgufTokenType.Normal or GgufTokenType.UserDefined),
            [.. file.Scores],
            file.UnknownId,
            Texts(file, GgufTokenType.UserDefined));
        IReadOnlyList<AddedToken> added = AddedTokens(path, file, config);
        int? bos = IdOf(config.BosToken) ?? file.BosId, eos = IdOf(config.EosToken) ?? file.EosId;
        return Compose(model, Scheme(file, config), file.RemovesSpaces) with
        {
            AddedTokens = added,
            BosToken = config.BosToken ?? TextOf(bos),
            EosToken = config.EosToken ?? TextOf(eos),
            Prefix = config.AddsBos != false && bos is int first ? [first] : [],
            Suffix = config.AddsEos == true && eos is int last ? [last] : [],
        };

        int? IdOf(string? token) => token is null ? null
            : added.FirstOrDefault(one => one.Content == token)?.Id ?? model.IdOf(token);

        string? TextOf(int? id) => id is int known ? file.Pieces[known] : null;
    }

    /// <summary>What a folder says, with the tokens that begin and end a text from a <c>tokenizer.model</c> that counts where no other file names them.</summary>
    public static TokenizerConfig Complete(string folder, TokenizerConfig config)
    {
        string path = Path.Combine(folder, SentencePieceFile.FileName);
        if ((config.BosToken is not null && config.EosToken is not null) || File.Exists(Path.Combine(folder, Tokenizer.FileName)) || !File.Exists(path))
            return config;
        TokenizerParts parts = Read(path, config);
        return config with { BosToken = parts.BosToken, EosToken = parts.EosToken };
    }

    /// <summary>A tokenizer in SentencePiece's manner around a vocabulary.</summary>
    /// <param name="model">The vocabulary.</param>
    /// <param name="scheme">Where a space is put in front.</param>
    /// <param name="removesSpaces">Whether spaces at the ends are dropped and several in a row become one.</param>
    public static TokenizerParts Compose(SentencePieceModel model, PrependScheme scheme, bool removesSpaces)
    {
        List<Normalizer> normalizers = [];
        if (removesSpaces)
            normalizers.Add(new CollapseSpacesNormalizer());
        if (scheme == PrependScheme.Always)
            normalizers.Add(new PrependNormalizer(SpaceMark));
        normalizers.Add(new ReplaceTextNormalizer(" ", SpaceMark));
        TokenDecoder[] steps = [new ReplaceTextDecoder(SpaceMark, " ", sparesAdded: true), new ByteFallbackDecoder(), new FuseDecoder()];
        return new TokenizerParts
        {
            Normalizer = new SequenceNormalizer(normalizers),
            PreTokenizer = scheme == PrependScheme.First ? new PrefixPreTokenizer(SpaceMark) : null,
            Model = model,
            Decoder = new SequenceDecoder(scheme == PrependScheme.Never ? steps : [.. steps, new StripDecoder(" ", 1, 0)]),
        };
    }

    /// <summary>Where a space is put in front: a Llama tokenizer that is not "legacy" does so itself, whatever the vocabulary says.</summary>
    public static PrependScheme Scheme(SentencePieceFile file, TokenizerConfig config)
    {
        bool isLlama = config.TokenizerClass?.StartsWith("Llama", StringComparison.Ordinal) ?? true;
        if (isLlama && config.Legacy == false)
            return config.AddsPrefixSpace == false ? PrependScheme.Never : PrependScheme.First;
        return file.AddsSpace ? PrependScheme.Always : PrependScheme.Never;
    }

    private static Dictionary<string, int> Vocabulary(SentencePieceFile file, Func<GgufTokenType, bool> belongs)
    {
        Dictionary<string, int> vocabulary = new(file.Pieces.Count, StringComparer.Ordinal);
        for (int id = 0; id < file.Pieces.Count; id++)
        {
            if (belongs(file.Types[id]))
                vocabulary.Add(file.Pieces[id], id);
        }

        return vocabulary;
    }

    private static IEnumerable<string> Texts(SentencePieceFile file, GgufTokenType type) =>
        file.Pieces.Where((_, id) => file.Types[id] == type);

    // Control and unknown pieces, and what the folder adds; a token's own options count before what follows from its kind.
    private static AddedToken[] AddedTokens(string path, SentencePieceFile file, TokenizerConfig config)
    {
        Dictionary<int, AddedToken> added = [];
        foreach (AddedToken token in config.AddedTokens)
            added[token.Id] = token with { Normalized = false };
        HashSet<string> special = [.. config.AdditionalSpecialTokens];
        special.UnionWith(new[] { config.BosToken, config.EosToken, config.UnknownToken, config.PadToken }.OfType<string>());
        string beside = Path.Combine(Path.GetDirectoryName(path) ?? "", AddedTokensFile);
        if (File.Exists(beside))
        {
            foreach (AddedToken token in JsonField.ReadFile(beside, root => root.Fields()
                .Select(field => new AddedToken(field.Value.AsInteger(0), field.Name) { Special = special.Contains(field.Name) }).ToArray()))
            {
                added.TryAdd(token.Id, token);
            }
        }

        for (int id = 0; id < file.Pieces.Count; id++)
        {
            if (file.Types[id] is GgufTokenType.Control or GgufTokenType.Unknown || special.Contains(file.Pieces[id]))
                added.TryAdd(id, new AddedToken(id, file.Pieces[id]) { Special = true });
        }

        return [.. added.Values.OrderBy(token => token.Id)];
    }
}
