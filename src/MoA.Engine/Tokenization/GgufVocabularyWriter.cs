using MoA.Engine.Configuration;
using MoA.Engine.Files;
using MoA.Engine.Tokenization.Decoding;
using MoA.Engine.Tokenization.PreTokenizing;

namespace MoA.Engine.Tokenization;

/// <summary>
/// Writes the tokenizer of a Hugging Face folder, its chat template aside, as metadata of a GGUF file: in the manner of GGUF for other programs, and where
/// there is one as the whole <c>tokenizer.json</c>, from which this one reads it back exactly.
/// </summary>
internal static class GgufVocabularyWriter
{
    private const string ApproximatePreTokenizer = "gpt-2";

    // What ends a text, a turn, and a message.
    private static readonly string[] Ends = ["eos", "eot", "eom"];

    /// <summary>Writes the tokenizer, if the folder has one.</summary>
    /// <returns>Sentences on what other programs will do differently.</returns>
    /// <exception cref="InvalidInputException">The tokenizer is malformed or of an unsupported kind.</exception>
    public static IReadOnlyList<string> Write(GgufWriter file, string folder, ModelConfig config, GenerationConfig generation)
    {
        if (!Tokenizer.Exists(folder))
        {
            file.Add("tokenizer.ggml.model", "no_vocab");
            WriteId(file, "bos", config.BosTokenId);
            WriteEnds(file, config, generation);
            return [];
        }

        Tokenizer tokenizer = Tokenizer.Load(folder);
        if (tokenizer.VocabularySize > config.VocabularySize)
        {
            throw new InvalidInputException($"{folder}: the tokenizer has {tokenizer.VocabularySize} tokens but the model's " +
                $"vocabulary only {config.VocabularySize}; use the tokenizer that belongs to this model");
        }

        string path = Path.Combine(folder, Tokenizer.FileName);
        List<string> notes = [];
        if (File.Exists(path))
        {
            JsonField.ReadFile(path, root =>
            {
                WriteVocabulary(file, root, tokenizer, config.VocabularySize, notes);
                return true;
            });
            file.Add(GgufVocabulary.HuggingFaceKey, InputFile.ReadText(path));
        }
        else
        {
            WriteSentencePiece(file, folder, tokenizer, config.VocabularySize, notes);
        }

        WriteId(file, "bos", config.BosTokenId ?? tokenizer.BosId);
        WriteEnds(file, config, generation);
        TokenizerConfig settings = TokenizerConfig.Read(folder);
        WriteId(file, "unknown", settings.UnknownToken is { } unknown ? tokenizer.IdOf(unknown) : null);
        WriteId(file, "padding", settings.PadToken is { } pad ? tokenizer.IdOf(pad) : null);
        int[] around = tokenizer.Encode("", addSpecialTokens: true, parseSpecialTokens: false);
        file.Add("tokenizer.ggml.add_bos_token", (config.BosTokenId ?? tokenizer.BosId) is int bos && around.FirstOrDefault(-1) == bos);
        file.Add("tokenizer.ggml.add_eos_token", around.Length > 0 && config.EosTokenIds.Contains(around[^1]) && around[^1] != config.BosTokenId);
        return notes;
    }

    // The vocabulary of a tokenizer.model says what GGUF says; only where a space stands in front is said more coarsely.
    private static void WriteSentencePiece(GgufWriter file, string folder, Tokenizer tokenizer, int size, List<string> notes)
    {
        SentencePieceFile model = SentencePieceFile.Read(Path.Combine(folder, SentencePieceFile.FileName));
        PrependScheme scheme = SentencePieceFolder.Scheme(model, TokenizerConfig.Read(folder));
        file.Add("tokenizer.ggml.model", "llama");
        file.Add("tokenizer.ggml.pre", "default");
        file.Add("tokenizer.ggml.tokens", [.. Enumerable.Range(0, size).Select(id => tokenizer.TokenText(id) is { Length: > 0 } text ? text : $"[PAD{id}]")]);
        file.Add("tokenizer.ggml.scores", [.. Enumerable.Range(0, size).Select(id => id < model.Pieces.Count ? model.Scores[id] : 0)]);
        file.Add("tokenizer.ggml.token_type", [.. Enumerable.Range(0, size).Select(id => (int)(
            tokenizer.TokenText(id).Length == 0 ? GgufTokenType.Unused
            : id < model.Pieces.Count && model.Types[id] is GgufTokenType.Unknown or GgufTokenType.Byte ? model.Types[id]
            : tokenizer.IsSpecial(id) ? GgufTokenType.Control
            : id < model.Pieces.Count ? model.Types[id]
            : GgufTokenType.UserDefined))]);
        file.Add("tokenizer.ggml.add_space_prefix", scheme != PrependScheme.Never);
        file.Add(GgufVocabulary.RemovesSpacesKey, model.RemovesSpaces);
        if (scheme == PrependScheme.First)
            notes.Add("GGUF cannot say that a space is put in front of the whole text only; from the file it is put after special tokens too");
    }

    private static void WriteVocabulary(GgufWriter file, JsonField root, Tokenizer tokenizer, int size, List<string> notes)
    {
        bool isSentencePiece = root["model"]["byte_fallback"].AsBoolean(missing: false);
        (string Left, string Right)[] merges = [.. root["model"]["merges"].Items().Select(TokenizerJson.ReadMerge)];
        string[] tokens = [.. Enumerable.Range(0, size).Select(id => tokenizer.TokenText(id) is { Length: > 0 } text ? text : $"[PAD{id}]")];
        file.Add("tokenizer.ggml.model", isSentencePiece ? "llama" : "gpt2");
        file.Add("tokenizer.ggml.pre", isSentencePiece ? "default" : PreTokenizer(root, notes));
        file.Add("tokenizer.ggml.tokens", tokens);
        file.Add("tokenizer.ggml.token_type", Types(root, tokenizer, size, isSentencePiece));
        if (isSentencePiece)
        {
            file.Add("tokenizer.ggml.scores", Scores(tokens, merges));
            file.Add("tokenizer.ggml.add_space_prefix", tokenizer.Encode("a", false, false) is var ids &&
                tokenizer.TokenText(ids.FirstOrDefault(-1)).StartsWith('\u2581'));
        }
        else
        {
            file.Add("tokenizer.ggml.merges", [.. merges.Select(merge => $"{merge.Left} {merge.Right}")]);
        }
    }

    private static int[] Types(JsonField root, Tokenizer tokenizer, int size, bool isSentencePiece)
    {
        int[] types = [.. Enumerable.Range(0, size).Select(id => (int)(
            tokenizer.TokenText(id).Length == 0 ? GgufTokenType.Unused
            : isSentencePiece && ByteFallbackDecoder.ReadByte(tokenizer.TokenText(id)) is not null ? GgufTokenType.Byte
            : GgufTokenType.Normal))];
        if (root["added_tokens"] is { HasValue: true } added)
        {
            foreach (JsonField token in added.Items())
            {
                types[token["id"].AsInteger()] = (int)(
                    token["special"].AsBoolean(missing: false) ? GgufTokenType.Control : GgufTokenType.UserDefined);
            }
        }

        if (root["model"]["unk_token"].AsOptionalString() is { } unknown && tokenizer.IdOf(unknown) is int unknownId)
            types[unknownId] = (int)GgufTokenType.Unknown;
        return types;
    }

    // A piece's score says when it is joined, the first highest: its place among the merges. What no merge gives comes last.
    private static float[] Scores(string[] tokens, (string Left, string Right)[] merges)
    {
        Dictionary<string, int> ranks = new(merges.Length);
        for (int rank = 0; rank < merges.Length; rank++)
            _ = ranks.TryAdd(merges[rank].Left + merges[rank].Right, rank);
        return [.. tokens.Select(token => -(float)ranks.GetValueOrDefault(token, merges.Length))];
    }

    private static string PreTokenizer(JsonField root, List<string> notes)
    {
        List<string> patterns = [];
        bool isPlain = root["pre_tokenizer"] is { HasValue: true } splitter && Collect(splitter, patterns);
        bool ignoresMerges = root["model"]["ignore_merges"].AsBoolean(missing: false);
        if (isPlain && GgufPreTokenizers.NameOf(patterns, ignoresMerges) is string name)
            return name;
        notes.Add("GGUF has no name for the tokenizer's way of splitting text; other programs will split as GPT-2 does, this " +
            "one as the model was trained");
        return ApproximatePreTokenizer;
    }

    // Gathers the patterns that split one after the other; false where a step is of another kind.
    private static bool Collect(JsonField splitter, List<string> patterns)
    {
        switch (splitter["type"].AsString())
        {
            case "Sequence":
                return splitter["pretokenizers"].Items().All(step => Collect(step, patterns));
            case "Digits" when splitter["individual_digits"].AsBoolean(missing: false):
                patterns.Add(@"\p{N}");
                return true;
            case "Split" when splitter["pattern"]["Regex"].AsOptionalString() is { } pattern:
                patterns.Add(pattern);
                bool inverts = splitter["invert"].AsBoolean(missing: false);
                return splitter["behavior"].AsString() == (inverts ? "Removed" : "Isolated");
            case "ByteLevel" when !splitter["add_prefix_space"].AsBoolean(missing: true):
                if (splitter["use_regex"].AsBoolean(missing: true))
                    patterns.Add(GgufPreTokenizers.Gpt2Pattern);
                return true;
            default:
                return false;
        }
    }

    private static void WriteEnds(GgufWriter file, ModelConfig config, GenerationConfig generation)
    {
        int[] ends = [.. config.EosTokenIds.Concat(generation.EosTokenIds).Distinct()];
        foreach ((string name, int id) in Ends.Zip(ends))
            WriteId(file, name, id);
    }

    private static void WriteId(GgufWriter file, string name, int? id)
    {
        if (id is int value)
            file.Add($"tokenizer.ggml.{name}_token_id", (uint)value);
    }
}
