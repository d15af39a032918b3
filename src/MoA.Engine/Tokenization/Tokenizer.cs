using System.Runtime.InteropServices;
using System.Text;
using MoA.Engine.Files;
using MoA.Engine.Tokenization.Bpe;
using MoA.Engine.Tokenization.Decoding;
using MoA.Engine.Tokenization.PreTokenizing;

namespace MoA.Engine.Tokenization;

/// <summary>
/// Text to token ids and back: byte-pair encoding, byte-level or in SentencePiece's manner, as a Hugging Face
/// <c>tokenizer.json</c>, a SentencePiece <c>tokenizer.model</c> or a GGUF file describes it. Immutable and safe to share between threads.
/// </summary>
public sealed class Tokenizer
{
    /// <summary>The name of the whole description of a tokenizer in a model folder.</summary>
    internal const string FileName = "tokenizer.json";

    private readonly TokenizerParts _parts;
    private readonly AddedTokenFinder _rawTokens;
    private readonly AddedTokenFinder _normalizedTokens;
    private readonly Dictionary<string, int> _addedIds = [];
    private readonly Dictionary<int, string> _texts;
    private readonly HashSet<int> _special = [];
    private readonly HashSet<int> _added = [];

    /// <summary>Composes a tokenizer.</summary>
    /// <exception cref="InvalidInputException">Two tokens share an id, or an id is negative.</exception>
    internal Tokenizer(TokenizerParts parts)
    {
        _parts = parts;
        _texts = new(parts.Model.Vocabulary.Count + parts.AddedTokens.Count);
        foreach ((string token, int id) in parts.Model.Vocabulary)
            Register(token, id);
        foreach (AddedToken token in parts.AddedTokens)
        {
            Register(token.Content, token.Id);
            _addedIds[token.Content] = token.Id;
            if (token.Special)
                _special.Add(token.Id);
            _added.Add(token.Id);
        }

        _added.ExceptWith(parts.Model.FindWritten(parts.AddedTokens.Select(token => token.Content)));

        // Special tokens are markup and looked for in the text as written, also where an old file calls them normalised.
        _rawTokens = new(parts.AddedTokens.Where(IsFoundRaw).Select(token => (token.Content, token)));
        _normalizedTokens = new(parts.AddedTokens.Where(token => !IsFoundRaw(token)).Select(token => (
            parts.Normalizer?.Normalize(token.Content, continues: false) ?? token.Content, token)));
        VocabularySize = _texts.Count == 0 ? 0 : _texts.Keys.Max() + 1;
        BosId = parts.BosToken is null ? null : IdOf(parts.BosToken);
        EosId = parts.EosToken is null ? null : IdOf(parts.EosToken);
    }

    /// <summary>One more than the highest token id; ids that no token has may lie below it.</summary>
    public int VocabularySize { get; }

    /// <summary>The token that begins a text, such as <c>&lt;s&gt;</c>; null where the model names none.</summary>
    public string? BosToken => _parts.BosToken;

    /// <summary>The token that ends a text, such as <c>&lt;/s&gt;</c>; null where the model names none.</summary>
    public string? EosToken => _parts.EosToken;

    /// <summary>Id of <see cref="BosToken"/>; null where there is none.</summary>
    public int? BosId { get; }

    /// <summary>Id of <see cref="EosToken"/>; null where there is none.</summary>
    public int? EosId { get; }

    /// <summary>Whether a model, a folder or a GGUF file, holds a tokenizer.</summary>
    /// <exception cref="InvalidInputException">It is a GGUF file that cannot be read.</exception>
    public static bool Exists(string path)
    {
        if (ModelPath.FindGguf(path) is not string gguf)
            return File.Exists(Path.Combine(path, FileName)) || File.Exists(Path.Combine(path, SentencePieceFile.FileName));
        using GgufCheckpoint model = GgufCheckpoint.Open(gguf);
        return GgufVocabulary.Exists(model.Metadata);
    }

    /// <summary>Loads a tokenizer.</summary>
    /// <param name="path">
    /// A GGUF file, or a model folder with <c>tokenizer.json</c> or else <c>tokenizer.model</c> (and, where present,
    /// <c>tokenizer_config.json</c> and <c>special_tokens_map.json</c>, which name the tokens that begin and end a text), or one of
    /// the two files itself.
    /// </param>
    /// <exception cref="InvalidInputException">The file is missing, malformed or of an unsupported kind.</exception>
    public static Tokenizer Load(string path)
    {
        if (ModelPath.FindGguf(path) is string gguf)
            return LoadGguf(gguf);
        bool isFolder = Directory.Exists(path);
        string file = isFolder ? Path.Combine(path, FileName) : path;
        if (isFolder && !File.Exists(file) && Path.Combine(path, SentencePieceFile.FileName) is string model && File.Exists(model))
            file = model;
        TokenizerConfig config = isFolder ? TokenizerConfig.Read(path) : new(null, null, null);
        TokenizerParts parts = file.EndsWith(".model", StringComparison.Ordinal)
            ? SentencePieceFolder.Read(file, config)
            : TokenizerJson.Read(file) with { BosToken = config.BosToken, EosToken = config.EosToken };
        return Create(file, parts);
    }

    /// <summary>Encodes a text.</summary>
    /// <param name="text">Any text; unpaired surrogates count as U+FFFD.</param>
    /// <param name="addSpecialTokens">Whether the ids that begin and end a text are added, as the model asks for them.</param>
    /// <param name="parseSpecialTokens">Whether special tokens written in the text become their ids, or stay text.</param>
    /// <returns>Token ids, each below <see cref="VocabularySize"/>.</returns>
    /// <exception cref="InvalidInputException">A pattern of the tokenizer takes too many steps on this text.</exception>
    public int[] Encode(string text, bool addSpecialTokens, bool parseSpecialTokens)
    {
        ArgumentNullException.ThrowIfNull(text);
        var ids = new List<int>();
        if (addSpecialTokens)
            ids.AddRange(_parts.Prefix);
        EncodeText(WellFormed(text), parseSpecialTokens, origin: null, continues: false, ids);
        if (addSpecialTokens)
            ids.AddRange(_parts.Suffix);
        return [.. ids];
    }

    /// <summary>
    /// Encodes a prompt: special tokens written in it become their ids, and those that begin a text are added unless the prompt
    /// begins with them itself.
    /// </summary>
    /// <param name="text">Any text; unpaired surrogates count as U+FFFD.</param>
    /// <exception cref="InvalidInputException">A pattern of the tokenizer takes too many steps on this text.</exception>
    public int[] EncodePrompt(string text)
    {
        int[] ids = Encode(text, addSpecialTokens: true, parseSpecialTokens: true);
        int added = _parts.Prefix.Count;
        return ids.AsSpan(added).StartsWith(ids.AsSpan(0, added)) ? ids[added..] : ids;
    }

    /// <summary>Encodes a text in which the special tokens that the template wrote are parsed; in messages they stay text.</summary>
    /// <param name="text">The text.</param>
    /// <param name="continues">The text goes on directly after encoded text: no prefix space is added.</param>
    internal int[] Encode(TracedText text, bool continues)
    {
        var ids = new List<int>();
        EncodeText(WellFormed(text.Text), parseSpecial: true, text, continues, ids);
        return [.. ids];
    }

    /// <summary>The special tokens that the template wrote in a text.</summary>
    internal IEnumerable<AddedTokenSpan> FindSpecialTokens(TracedText text) =>
        _rawTokens.Cut(text.Text, parseSpecial: true, text).Where(span => span.Token is { Special: true });

    /// <summary>The text of token ids. Ids that no token has are passed over.</summary>
    /// <param name="ids">Token ids.</param>
    /// <param name="skipSpecialTokens">Whether special tokens are left out.</param>
    public string Decode(ReadOnlySpan<int> ids, bool skipSpecialTokens = false)
    {
        StreamingDecoder stream = CreateStream(skipSpecialTokens);
        var text = new StringBuilder();
        foreach (int id in ids)
            text.Append(stream.Push(id));
        return text.Append(stream.Flush()).ToString();
    }

    /// <summary>Begins decoding a text token by token.</summary>
    /// <param name="skipSpecialTokens">Whether special tokens are left out.</param>
    /// <param name="before">
    /// Tokens that the text continues. Many decoders drop a space at the start of a text, which is kept where the text is no start.
    /// </param>
    public StreamingDecoder CreateStream(bool skipSpecialTokens, ReadOnlySpan<int> before = default)
    {
        StreamingDecoder stream = new(this, _parts.Decoder, skipSpecialTokens);
        foreach (int id in before)
            _ = stream.Push(id);
        return stream;
    }

    /// <summary>Whether an id is that of a special token, such as an end of turn.</summary>
    public bool IsSpecial(int id) => _special.Contains(id);

    /// <summary>Whether an id is an added token's, whose text is what was added; a token that words are made of too is none.</summary>
    internal bool IsAdded(int id) => _added.Contains(id);

    /// <summary>The id of a token as the vocabulary writes it; null where there is none.</summary>
    public int? IdOf(string token) =>
        _addedIds.TryGetValue(token, out int id) ? id : _parts.Model.IdOf(token);

    /// <summary>The token as the vocabulary writes it (byte-level characters, space marks); empty for an id without one.</summary>
    public string TokenText(int id) => _texts.GetValueOrDefault(id, "");

    /// <summary>
    /// The bytes that a token adds to a text that has begun, in UTF-8; those of several tokens make up the text, also where a character is
    /// spread over them.
    /// </summary>
    /// <param name="id">Token id; one that no token has adds none.</param>
    public byte[] BytesOf(int id)
    {
        string token = TokenText(id);
        if (IsAdded(id) || token.Length == 0)
            return Encoding.UTF8.GetBytes(token);
        foreach (TokenDecoder step in _parts.Decoder.Steps)
        {
            if (step is ByteLevelDecoder)
                return ByteLevelAlphabet.Read(token);
            if (step is ByteFallbackDecoder && ByteFallbackDecoder.ReadByte(token) is byte value)
                return [value];
        }

        // What it adds to a text that it begins may lack a space.
        return Encoding.UTF8.GetBytes(Decode([id, id])[Decode([id]).Length..]);
    }

    private static Tokenizer LoadGguf(string path)
    {
        using GgufCheckpoint model = GgufCheckpoint.Open(path);
        return Create(path, GgufVocabulary.Read(path, model.Metadata));
    }

    private static Tokenizer Create(string file, TokenizerParts parts)
    {
        try
        {
            return new Tokenizer(parts);
        }
        catch (InvalidInputException e)
        {
            throw new InvalidInputException($"{file}: {e.Message}", e);
        }
    }

    private void EncodeText(string text, bool parseSpecial, TracedText? origin, bool continues, List<int> ids)
    {
        SubwordEncoder encoder = _parts.Model.Start();
        foreach (AddedTokenSpan span in _rawTokens.Cut(text, parseSpecial, origin))
        {
            if (span.Token is null)
                EncodeStretch(text[span.Start..span.End], parseSpecial, PositionOf(span.Start, continues), encoder, ids);
            else
                ids.Add(span.Token.Id);
        }
    }

    // A stretch between added tokens is normalised on its own, then searched for the tokens that are found after that.
    private void EncodeStretch(string text, bool parseSpecial, PiecePosition position, SubwordEncoder encoder, List<int> ids)
    {
        bool continues = position == PiecePosition.Continuation;
        string normalized = _parts.Normalizer?.Normalize(text, continues) ?? text;
        foreach (AddedTokenSpan span in _normalizedTokens.Cut(normalized, parseSpecial))
        {
            if (span.Token is not null)
            {
                ids.Add(span.Token.Id);
                continue;
            }

            PiecePosition start = span.Start == 0 ? position : PiecePosition.Inside;
            foreach (Piece piece in Split(new(normalized[span.Start..span.End], start)))
                encoder.Encode(piece.Text, ids);
        }
    }

    private List<Piece> Split(Piece piece)
    {
        if (_parts.PreTokenizer is null)
            return [piece];
        var pieces = new List<Piece>();
        _parts.PreTokenizer.Split(piece, pieces);
        return pieces;
    }

    private static bool IsFoundRaw(AddedToken token) => token.Special || !token.Normalized;

    private static PiecePosition PositionOf(int start, bool continues) =>
        start > 0 ? PiecePosition.Inside : continues ? PiecePosition.Continuation : PiecePosition.TextStart;

    private static string WellFormed(string text)
    {
        if (Utf16IsWellFormed(text))
            return text;
        char[] characters = text.ToCharArray();
        for (int i = 0; i < characters.Length; i++)
        {
            if (i + 1 < characters.Length && char.IsSurrogatePair(characters[i], characters[i + 1]))
                i++;
            else if (char.IsSurrogate(characters[i]))
                characters[i] = '\uFFFD';
        }

        return new string(characters);
    }

    private static bool Utf16IsWellFormed(ReadOnlySpan<char> text)
    {
        for (int at; (at = text.IndexOfAnyInRange('\uD800', '\uDFFF')) >= 0; text = text[(at + 2)..])
        {
            if (at + 1 >= text.Length || !char.IsSurrogatePair(text[at], text[at + 1]))
                return false;
        }

        return true;
    }

    private void Register(string token, int id)
    {
        if (id < 0)
            throw new InvalidInputException($"the token '{token}' has the negative id {id}");
        ref string? known = ref CollectionsMarshal.GetValueRefOrAddDefault(_texts, id, out bool exists);
        if (exists && known != token)
            throw new InvalidInputException($"the tokens '{known}' and '{token}' share the id {id}");
        known = token;
    }
}
