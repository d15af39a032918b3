using MoA.Engine.Files;
using MoA.Engine.Tokenization.Bpe;
using MoA.Engine.Tokenization.Decoding;

namespace MoA.Engine.Tokenization;

/// <summary>Reads a Hugging Face <c>tokenizer.json</c> (format version 1.0); kinds it does not know are refused by name.</summary>
internal static class TokenizerJson
{
    /// <exception cref="InvalidInputException">The file is missing, malformed or of an unsupported kind.</exception>
    public static TokenizerParts Read(string file) => JsonField.ReadFile(file, ReadParts);

    /// <summary>Reads the text of such a file that stands elsewhere.</summary>
    /// <param name="source">Where it stands, for messages.</param>
    /// <param name="json">The text.</param>
    /// <exception cref="InvalidInputException">It is malformed or of an unsupported kind.</exception>
    public static TokenizerParts ReadText(string source, string json) =>
        JsonField.Read(source, System.Text.Encoding.UTF8.GetBytes(json), ReadParts);

    private static TokenizerParts ReadParts(JsonField root)
    {
        JsonField decoder = root["decoder"];
        TokenizerParts parts = new()
        {
            Normalizer = root["normalizer"] is { HasValue: true } normalizer ? NormalizerJson.Read(normalizer) : null,
            PreTokenizer = root["pre_tokenizer"] is { HasValue: true } splitter ? PreTokenizerJson.Read(splitter) : null,
            Model = ReadModel(root["model"]),
            Decoder = decoder.HasValue ? DecoderJson.Read(decoder) : new SpacedDecoder(),
            AddedTokens = root["added_tokens"] is { HasValue: true } added ? [.. added.Items().Select(token => ReadAddedToken(token["id"].AsInteger(), token))] : [],
        };
        return root["post_processor"] is { HasValue: true } processor ? AddTemplate(parts, processor) : parts;
    }

    private static BpeModel ReadModel(JsonField model)
    {
        // Old files leave the type out.
        if (model["type"].AsOptionalString() is { } type and not "BPE")
            throw model.Refuse($"the model type {type} is not supported; BPE is");
        foreach (string affix in (string[])["continuing_subword_prefix", "end_of_word_suffix"])
        {
            if (!string.IsNullOrEmpty(model[affix].AsOptionalString()))
                throw model[affix].Refuse("affixes of subwords are not supported");
        }

        var options = new BpeOptions
        {
            UnknownToken = model["unk_token"].AsOptionalString(),
            FuseUnknown = model["fuse_unk"].AsBoolean(missing: false),
            ByteFallback = model["byte_fallback"].AsBoolean(missing: false),
            IgnoreMerges = model["ignore_merges"].AsBoolean(missing: false),
        };
        Dictionary<string, int> vocabulary = ReadVocabulary(model["vocab"]);
        List<(string, string)> merges = [.. model["merges"].Items().Select(ReadMerge)];
        try
        {
            return new BpeModel(vocabulary, merges, options);
        }
        catch (InvalidInputException e)
        {
            throw model.Refuse(e.Message);
        }
    }

    private static Dictionary<string, int> ReadVocabulary(JsonField field)
    {
        var vocabulary = new Dictionary<string, int>();
        foreach ((string token, JsonField id) in field.Fields())
        {
            if (!vocabulary.TryAdd(token, id.AsInteger()))
                throw field.Refuse($"the token '{token}' stands there twice");
        }

        return vocabulary;
    }

    /// <summary>A merge: "left right" in older files, ["left", "right"] in newer ones.</summary>
    public static (string Left, string Right) ReadMerge(JsonField merge)
    {
        string[] pair = merge.IsString ? merge.AsString().Split(' ') : [.. merge.Items().Select(item => item.AsString())];
        return pair.Length == 2 ? (pair[0], pair[1]) : throw merge.Refuse($"expected two tokens, found {pair.Length}");
    }

    /// <summary>A token beside the vocabulary, with what it does to the text around it.</summary>
    public static AddedToken ReadAddedToken(int id, JsonField token) => new(id, token["content"].AsString())
    {
        Special = token["special"].AsBoolean(missing: false),
        SingleWord = token["single_word"].AsBoolean(missing: false),
        StripsLeft = token["lstrip"].AsBoolean(missing: false),
        StripsRight = token["rstrip"].AsBoolean(missing: false),
        Normalized = token["normalized"].AsBoolean(missing: false),
    };

    // The tokens that a post-processor puts around a single text.
    private static TokenizerParts AddTemplate(TokenizerParts parts, JsonField processor)
    {
        switch (processor["type"].AsString())
        {
            case "Sequence":
                return processor["processors"].Items().Aggregate(parts, AddTemplate);
            case "ByteLevel":
                return parts; // concerns offsets only
            case "TemplateProcessing":
                var prefix = new List<int>();
                var suffix = new List<int>();
                List<int> side = prefix;
                foreach (JsonField item in processor["single"].Items())
                {
                    if (item["Sequence"].HasValue)
                        side = suffix;
                    else
                        side.AddRange(TemplateIds(processor, item["SpecialToken"]["id"].AsString()));
                }

                return parts with { Prefix = [.. prefix, .. parts.Prefix], Suffix = [.. parts.Suffix, .. suffix] };
            case var type:
                throw processor.Refuse($"the post-processor {type} is not supported; TemplateProcessing, ByteLevel and Sequence are");
        }
    }

    private static IEnumerable<int> TemplateIds(JsonField processor, string token) =>
        processor["special_tokens"][token]["ids"].Items().Select(id => id.AsInteger());
}
