using System.Text.Json.Nodes;
using MoA.Tests;

namespace MoA.Engine.Tests.Tokenization;

/// <summary>The tokenizers of the repository, and variants of two of them with other steps, as published models have them.</summary>
internal static class TokenizerVariants
{
    private const string ByteLevel = """{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":false}""";
    private const string Llama3Pattern =
        @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
    private const string Qwen2Pattern =
        @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    private static readonly Dictionary<string, Action<JsonObject>> Changes = new()
    {
        ["gpt-2, as Llama 3 splits"] = root =>
        {
            Splits(root, Llama3Pattern);
            Set(root["model"]!, "ignore_merges", "true");
            Add(root, "<|begin|>", "\"special\":true");
            Add(root, "<|end|>", "\"special\":true");
            Set(root, "post_processor", TemplateOf("<|begin|>", IdOf(root, "<|begin|>")));
        },
        ["gpt-2, as Qwen 2 splits"] = root =>
        {
            Splits(root, Qwen2Pattern);
            Set(root, "normalizer", """{"type":"NFC"}""");
            Add(root, "<|im_start|>", "\"special\":true");
            Add(root, "<tool_call>", "\"special\":false");
        },
        ["gpt-2, with digits apart"] = root => Set(root, "pre_tokenizer",
            $$"""{"type":"Sequence","pretokenizers":[{"type":"Digits","individual_digits":true},{{ByteLevel.Replace("\"use_regex\":false", "\"use_regex\":true", StringComparison.Ordinal)}}]}"""),
        ["gpt-2, with a space in front"] = root => Set(root, "pre_tokenizer",
            """{"type":"ByteLevel","add_prefix_space":true,"trim_offsets":true,"use_regex":true}"""),
        ["gpt-2, normalised"] = root => Set(root, "normalizer",
            """{"type":"Sequence","normalizers":[{"type":"NFKC"},{"type":"Lowercase"},{"type":"Strip","strip_left":true,"strip_right":true}]}"""),
        ["gpt-2, decomposed"] = root => Set(root, "normalizer", """{"type":"NFKD"}"""),
        ["gpt-2, with tokens of every option"] = AddAll,
        ["gpt-2, with spaces as tokens"] = root =>
        {
            for (int length = 2; length < 9; length++)
                Add(root, new string(' ', length), "\"normalized\":true");
            Add(root, "\n\n", "\"normalized\":true");
        },
        ["llama-spm, with its marks set while splitting"] = root => Metaspace(root, "always"),
        ["llama-spm, with a mark at the start only"] = root => Metaspace(root, "first"),
        ["llama-spm, without marks in front"] = root => Metaspace(root, "never"),
        ["llama-spm, with tokens of every option"] = AddAll,
        ["llama-spm, without a space in front"] = root =>
        {
            Set(root, "normalizer", """{"type":"Replace","pattern":{"String":" "},"content":"▁"}""");
            Set(root, "decoder", """{"type":"Sequence","decoders":[{"type":"Replace","pattern":{"String":"▁"},"content":" "},{"type":"ByteFallback"},{"type":"Fuse"}]}""");
            for (int length = 2; length < 6; length++)
                Add(root, new string('▁', length), "\"special\":false");
        },
    };

    public static TheoryData<string> Names =>
    [
        "gpt-2", "llama-spm", "demo", .. Directory.EnumerateDirectories(RepositoryFiles.Fixture("cases"))
            .Select(folder => Path.GetFileName(folder)).Order(StringComparer.Ordinal), .. Changes.Keys,
    ];

    /// <summary>The tokenizer.json of a name; variants are written into a folder.</summary>
    public static string File(string name, TemporaryFolder folder)
    {
        if (name == "demo")
            return Path.Combine(RepositoryFiles.DemoModel, "tokenizer.json");
        if (Directory.Exists(RepositoryFiles.Fixture("cases", name)))
            return RepositoryFiles.Fixture("cases", name, "model", "tokenizer.json");
        string original = TokenizerVectors.File($"{name.Split(',')[0]}.tokenizer.json");
        if (!Changes.TryGetValue(name, out Action<JsonObject>? change))
            return original;
        JsonObject root = JsonNode.Parse(System.IO.File.ReadAllText(original))!.AsObject();
        change(root);
        return folder.Write("tokenizer.json", root.ToJsonString());
    }

    private static void AddAll(JsonObject root)
    {
        Add(root, "café", "\"special\":false");
        Add(root, "đem", "\"special\":false,\"normalized\":true");
        Add(root, "<sep>", "\"special\":true,\"lstrip\":true");
        Add(root, "<mask>", "\"special\":true,\"lstrip\":true,\"rstrip\":true");
        Add(root, "word", "\"special\":false,\"single_word\":true");
        Add(root, "<a><b>", "\"special\":false");
        Add(root, "<a>", "\"special\":false,\"rstrip\":true");
        Add(root, "漢字", "\"special\":false");
        Add(root, "🚀🚀", "\"special\":true");
    }

    private static void Splits(JsonObject root, string pattern)
    {
        Set(root, "pre_tokenizer", $$"""{"type":"Sequence","pretokenizers":[{"type":"Split","pattern":{"Regex":""},"behavior":"Isolated","invert":false},{{ByteLevel}}]}""");
        root["pre_tokenizer"]!["pretokenizers"]![0]!["pattern"]!["Regex"] = pattern;
    }

    private static void Metaspace(JsonObject root, string scheme)
    {
        string step = $$"""{"type":"Metaspace","replacement":"▁","prepend_scheme":"{{scheme}}","split":false}""";
        Set(root, "normalizer", "null");
        Set(root, "pre_tokenizer", step);
        Set(root, "decoder", $$"""{"type":"Sequence","decoders":[{"type":"ByteFallback"},{{step}}]}""");
        Add(root, "<sep>", "\"special\":true");
        Add(root, "[word]", "\"special\":false");
    }

    private static string TemplateOf(string token, int id) => (
        """{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"TOKEN","type_id":0}},{"Sequence":{"id":"A","type_id":0}}],""" +
        """ "pair":[{"Sequence":{"id":"A","type_id":0}},{"Sequence":{"id":"B","type_id":1}}],""" +
        """ "special_tokens":{"TOKEN":{"id":"TOKEN","ids":[ID],"tokens":["TOKEN"]}}}""")
            .Replace("TOKEN", token, StringComparison.Ordinal).Replace("ID", $"{id}", StringComparison.Ordinal);

    private static int IdOf(JsonObject root, string token) =>
        (int)root["added_tokens"]!.AsArray().Single(added => (string)added!["content"]! == token)!["id"]!;

    private static void Set(JsonNode node, string name, string json) => node[name] = JsonNode.Parse(json);

    // The id that the vocabulary has for it or the next free one; every option that is not named is off.
    private static void Add(JsonObject root, string content, string options)
    {
        JsonArray added = root["added_tokens"] as JsonArray ?? [];
        if (added.Parent is null)
            root["added_tokens"] = added;
        JsonObject vocabulary = root["model"]!["vocab"]!.AsObject();
        int last = added.Select(one => (int)one!["id"]!).Concat(vocabulary.Select(entry => (int)entry.Value!)).Max();
        JsonObject token = new()
        {
            ["id"] = vocabulary.TryGetPropertyValue(content, out JsonNode? known) ? (int)known! : last + 1,
            ["content"] = content,
        };
        foreach (string option in (string[])["single_word", "lstrip", "rstrip", "normalized", "special"])
            token[option] = false;
        foreach ((string name, JsonNode? value) in JsonNode.Parse($"{{{options}}}")!.AsObject().ToArray())
            token[name] = (bool)value!;
        added.Add(token);
    }
}
