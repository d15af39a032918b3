using MoA.Engine;
using MoA.Engine.Tokenization;

namespace MoA.Engine.Tests.Tokenization;

public class TokenizerJsonTests
{
    private const string Vocabulary = """{"a":0,"b":1,"c":2,"ab":3,"abc":4,"▁":5,"▁a":6,"<unk>":7," ":8,"X":9,"1":10}""";

    [Fact]
    public void Merges_may_be_texts_or_pairs()
    {
        Assert.Equal([4, 0], Encode(Model(merges: """["a b","ab c"]"""), "abca"));
        Assert.Equal([4, 0], Encode(Model(merges: """[["a","b"],["ab","c"]]"""), "abca"));
    }

    [Fact]
    public void Ignore_merges_takes_a_whole_word_that_is_a_token()
    {
        Assert.Equal([0, 1, 2], Encode(Model(), "abc"));
        Assert.Equal([4], Encode(Model(options: "\"ignore_merges\":true,"), "abc"));
    }

    [Fact]
    public void Unknown_characters_are_dropped_replaced_or_fused()
    {
        Assert.Equal([0, 1], Encode(Model(), "aéüb"));
        Assert.Equal([0, 7, 7, 1], Encode(Model(options: "\"unk_token\":\"<unk>\","), "aé🚀b"));
        Assert.Equal([0, 7, 1], Encode(Model(options: "\"unk_token\":\"<unk>\",\"fuse_unk\":true,"), "aé🚀b"));
    }

    [Theory]
    [InlineData("always", true, "a<x>a", new[] { 6, 20, 6 })]
    [InlineData("first", true, "a<x>a", new[] { 6, 20, 0 })]
    [InlineData("never", true, "a<x>a", new[] { 0, 20, 0 })]
    [InlineData("first", true, "<x>a", new[] { 20, 0 })]
    [InlineData("always", true, "a a", new[] { 6, 6 })]
    [InlineData("always", true, " a", new[] { 6 })]
    [InlineData("always", false, "", new int[0])]
    public void Metaspace_puts_its_mark_where_the_scheme_says(string scheme, bool split, string text, int[] expected)
    {
        string pretokenizer = $$"""{"type":"Metaspace","replacement":"▁","prepend_scheme":"{{scheme}}","split":{{(split ? "true" : "false")}}}""";
        string json = Model(merges: """["▁ a"]""", preTokenizer: pretokenizer, added: Added("<x>", 20));
        Assert.Equal(expected, Encode(json, text));
    }

    [Theory]
    [InlineData("Removed", "a1b11", new[] { 0, 1 })]
    [InlineData("Isolated", "a1b", new[] { 0, 10, 1 })]
    public void Split_and_digits_follow_their_behavior(string behavior, string text, int[] expected)
    {
        string split = $$"""{"type":"Split","pattern":{"Regex":"[0-9]"},"behavior":"{{behavior}}","invert":false}""";
        Assert.Equal(expected, Encode(Model(preTokenizer: split), text));
        Assert.Equal([0, 10, 10], Encode(Model(preTokenizer: """{"type":"Digits","individual_digits":true}"""), "a11"));
    }

    [Theory]
    [InlineData("\"single_word\":true", "aXa X", new[] { 0, 7, 0, 8, 99 })]
    [InlineData("\"lstrip\":true", "a  X a", new[] { 0, 99, 8, 0 })]
    [InlineData("\"rstrip\":true", "a X  a", new[] { 0, 8, 99, 0 })]
    [InlineData("\"lstrip\":true,\"rstrip\":true", " X X ", new[] { 99, 99 })]
    [InlineData("\"special\":true", "aXa", new[] { 0, 7, 0 })] // special tokens are not parsed here
    public void Added_tokens_keep_their_options(string options, string text, int[] expected)
    {
        // The added token is X, id 99; where it is not found the letter X is unknown, id 7.
        string json = Model(options: "\"unk_token\":\"<unk>\",", added: $$"""[{"id":99,"content":"X",{{options}}}]""")
            .Replace(",\"X\":9", "", StringComparison.Ordinal);
        Assert.Equal(expected, Encode(json, text));
    }

    [Fact]
    public void The_longest_added_token_wins_and_normalised_ones_are_found_after_normalising()
    {
        string added = """[{"id":20,"content":"<e>"},{"id":21,"content":"<e>X"},{"id":22,"content":"Q","normalized":true}]""";
        string json = Model(normalizer: """{"type":"Lowercase"}""", added: added);
        Assert.Equal([21, 20, 0, 22, 22], Encode(json, "<e>X<e>AqQ"));
    }

    [Fact]
    public void The_template_adds_the_tokens_around_a_text()
    {
        string processor = """
            {"type":"Sequence","processors":[{"type":"ByteLevel"},{"type":"TemplateProcessing",
            "single":[{"SpecialToken":{"id":"<s>","type_id":0}},{"Sequence":{"id":"A","type_id":0}},{"SpecialToken":{"id":"X","type_id":0}}],
            "pair":[],"special_tokens":{"<s>":{"id":"<s>","ids":[7,8],"tokens":["<s>"]},"X":{"id":"X","ids":[9],"tokens":["X"]}}}]}
            """;
        Tokenizer tokenizer = Load(Model(postProcessor: processor));
        Assert.Equal([7, 8, 0, 9], tokenizer.Encode("a", addSpecialTokens: true, parseSpecialTokens: false));
        Assert.Equal([0], tokenizer.Encode("a", addSpecialTokens: false, parseSpecialTokens: false));
    }

    [Theory]
    [InlineData("null", "▁ a ▁a")]
    [InlineData("""{"type":"Fuse"}""", "▁a▁a")]
    [InlineData("""{"type":"Metaspace","replacement":"▁","prepend_scheme":"always"}""", "a a")]
    [InlineData("""{"type":"Metaspace","replacement":"▁","add_prefix_space":false,"prepend_scheme":"never"}""", " a a")]
    [InlineData("""{"type":"Replace","pattern":{"Regex":"[▁]a"},"content":"-"}""", "▁a-")]
    [InlineData("""{"type":"Sequence","decoders":[{"type":"Fuse"},{"type":"Replace","pattern":{"String":"a▁"},"content":"+"}]}""", "▁+a")]
    [InlineData("""{"type":"Sequence","decoders":[{"type":"Fuse"},{"type":"Strip","content":"a","start":0,"stop":2}]}""", "▁a▁")]
    [InlineData("""{"type":"Strip","content":"a","start":1,"stop":0}""", "▁▁a")]
    public void Decoders_write_tokens_as_text_whole_and_streamed(string decoder, string expected)
    {
        Tokenizer tokenizer = Load(Model(decoder: decoder));
        int[] ids = [5, 0, 6];
        Assert.Equal(expected, tokenizer.Decode(ids));
        StreamingDecoder stream = tokenizer.CreateStream(skipSpecialTokens: false);
        Assert.Equal(expected, string.Concat(ids.Select(stream.Push)) + stream.Flush());
    }

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("[]")]
    [InlineData("null")]
    [InlineData("{}")]
    [InlineData("""{"model":null}""")]
    [InlineData("""{"model":{"type":"BPE","merges":[]}}""")]
    [InlineData("""{"model":{"type":"BPE","vocab":[],"merges":[]}}""")]
    [InlineData("""{"model":{"type":"BPE","vocab":{"a":"b"},"merges":[]}}""")]
    [InlineData("""{"model":{"type":"BPE","vocab":{"a":1.5},"merges":[]}}""")]
    [InlineData("""{"model":{"type":"BPE","vocab":{"a":99999999999},"merges":[]}}""")]
    [InlineData("""{"model":{"type":"BPE","vocab":{"a":-1},"merges":[]}}""")]
    [InlineData("""{"model":{"type":"BPE","vocab":{"a":0,"b":0},"merges":[]}}""")]
    [InlineData("""{"model":{"type":"BPE","vocab":{"a":0,"a":1},"merges":[]}}""")]
    [InlineData("""{"model":{"type":"BPE","vocab":{"\ud800":0},"merges":[]}}""")]
    [InlineData("""{"model":{"type":"BPE","vocab":{"a":0},"merges":["a z"]}}""")]
    [InlineData("""{"model":{"type":"BPE","vocab":{"a":0},"merges":["a a"]}}""")]
    [InlineData("""{"model":{"type":"BPE","vocab":{"a":0},"merges":["a"]}}""")]
    [InlineData("""{"model":{"type":"BPE","vocab":{"a":0},"merges":[["a","a","a"]]}}""")]
    [InlineData("""{"model":{"type":"BPE","vocab":{"a":0},"merges":[3]}}""")]
    [InlineData("""{"model":{"type":"BPE","vocab":{"a":0},"merges":[],"unk_token":"<unk>"}}""")]
    [InlineData("""{"model":{"type":"BPE","vocab":{"a":0},"merges":[],"byte_fallback":"yes"}}""")]
    [InlineData("""{"added_tokens":[{"id":0,"content":"z"}],"model":{"type":"BPE","vocab":{"a":0},"merges":[]}}""")]
    [InlineData("""{"added_tokens":[{"id":-3,"content":"z"}],"model":{"type":"BPE","vocab":{"a":0},"merges":[]}}""")]
    [InlineData("""{"added_tokens":{"z":1},"model":{"type":"BPE","vocab":{"a":0},"merges":[]}}""")]
    [InlineData("""{"pre_tokenizer":{"type":"Split","pattern":{"Regex":"("},"behavior":"Isolated"},"model":{"type":"BPE","vocab":{"a":0},"merges":[]}}""")]
    public void Hostile_files_are_refused_in_one_line_that_names_the_file(string json)
    {
        using var folder = new TemporaryFolder();
        string file = folder.Write("tokenizer.json", json);
        string message = Assert.Throws<InvalidInputException>(() => Tokenizer.Load(folder.Path)).Message;
        Assert.StartsWith(file, message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', message);
    }

    [Theory]
    [InlineData("\"normalizer\":{\"type\":\"BertNormalizer\"}", "BertNormalizer")]
    [InlineData("\"pre_tokenizer\":{\"type\":\"Whitespace\"}", "Whitespace")]
    [InlineData("\"decoder\":{\"type\":\"WordPiece\"}", "WordPiece")]
    [InlineData("\"post_processor\":{\"type\":\"BertProcessing\"}", "BertProcessing")]
    [InlineData("\"model\":{\"type\":\"Unigram\"}", "Unigram")]
    public void Kinds_that_are_not_known_are_refused_by_name(string part, string name)
    {
        string model = part.StartsWith("\"model\"", StringComparison.Ordinal) ? "" : """ "model":{"type":"BPE","vocab":{"a":0},"merges":[]},""";
        string json = $"{{{model}{part}}}";
        string message = Assert.Throws<InvalidInputException>(() => Load(json)).Message;
        Assert.Contains($"{name} is not supported", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_cut_of_a_file_is_refused()
    {
        string json = Model(merges: """["a b"]""", added: Added("<x>", 50));
        for (int length = 0; length < json.TrimEnd().Length; length++)
        {
            string cut = json[..length];
            Assert.Throws<InvalidInputException>(() => Load(cut));
        }
    }

    [Fact]
    public void A_missing_file_is_refused()
    {
        Assert.Throws<InvalidInputException>(() => Tokenizer.Load("no such folder"));
    }

    [Theory]
    [InlineData("""{"bos_token":"<s>","eos_token":{"content":"</s>","special":true}}""", "<s>", "</s>")]
    [InlineData("""{"bos_token":null}""", "<m>", null)]
    public void The_config_names_the_tokens_that_begin_and_end_a_text(string config, string? bos, string? eos)
    {
        using var folder = new TemporaryFolder();
        folder.Write("tokenizer.json", Model());
        folder.Write("tokenizer_config.json", config);
        folder.Write("special_tokens_map.json", """{"bos_token":{"content":"<m>"}}""");
        Tokenizer tokenizer = Tokenizer.Load(folder.Path);
        Assert.Equal((bos, eos), (tokenizer.BosToken, tokenizer.EosToken));
        Assert.Null(tokenizer.BosId); // not in the vocabulary
    }

    private static int[] Encode(string json, string text) =>
        Load(json).Encode(text, addSpecialTokens: false, parseSpecialTokens: false);

    private static Tokenizer Load(string json)
    {
        using var folder = new TemporaryFolder();
        return Tokenizer.Load(folder.Write("tokenizer.json", json));
    }

    private static string Added(string content, int id) => $$"""[{"id":{{id}},"content":"{{content}}","special":false}]""";

    private static string Model(
        string merges = "[]",
        string options = "",
        string normalizer = "null",
        string preTokenizer = "null",
        string decoder = "null",
        string postProcessor = "null",
        string added = "[]") =>
        $$"""
        {"version":"1.0","added_tokens":{{added}},"normalizer":{{normalizer}},"pre_tokenizer":{{preTokenizer}},
        "post_processor":{{postProcessor}},"decoder":{{decoder}},"model":{"type":"BPE",{{options}}"vocab":{{Vocabulary}},"merges":{{merges}} } }
        """;
}
