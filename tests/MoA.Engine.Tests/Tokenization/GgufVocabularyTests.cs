using MoA.Engine;
using MoA.Engine.Tests.Files;
using MoA.Engine.Tests.Models.Loading;
using MoA.Engine.Tokenization;

namespace MoA.Engine.Tests.Tokenization;

/// <summary>Tokenizers read from GGUF files: published vocabularies with their vectors, and small ones worked by hand.</summary>
public sealed class GgufVocabularyTests
{
    private const int Unknown = 2, Control = 3, UserDefined = 4, Unused = 5;

    public static TheoryData<string> Vocabularies => [.. Directory.EnumerateFiles(TokenizerVectors.File(""), "*.gguf")
        .Select(file => Path.GetFileNameWithoutExtension(file)["ggml-vocab-".Length..]).Order()];

    [Theory]
    [MemberData(nameof(Vocabularies))]
    public void Published_vocabularies_give_the_published_ids(string vocabulary)
    {
        Tokenizer tokenizer = Tokenizer.Load(TokenizerVectors.File($"ggml-vocab-{vocabulary}.gguf"));
        foreach ((string text, int[] ids) in TokenizerVectors.Read(vocabulary))
        {
            Assert.Equal(ids, tokenizer.Encode(text, addSpecialTokens: false, parseSpecialTokens: false));
            Assert.Equal(text, tokenizer.Decode(ids));
        }
    }

    /// <summary>Two ways through the same vocabulary: by scores, and by the merges that the scores give.</summary>
    [Theory]
    [InlineData("llama-spm")]
    [InlineData("gpt-2")]
    public void Random_texts_get_the_ids_of_the_tokenizer_json(string vocabulary)
    {
        Tokenizer gguf = Tokenizer.Load(TokenizerVectors.File($"ggml-vocab-{vocabulary}.gguf"));
        Tokenizer json = Tokenizer.Load(TokenizerVectors.File($"{vocabulary}.tokenizer.json"));
        RandomTexts.Check(text =>
            Assert.Equal(json.Encode(text, false, false), gguf.Encode(text, false, false)));
    }

    [Fact]
    public void The_highest_score_is_joined_first_and_the_leftmost_of_equals()
    {
        using TemporaryFile model = SentencePiece(
            ("a", 1, -9), ("b", 1, -9), ("c", 1, -9), ("ab", 1, -2), ("bc", 1, -1), ("aa", 1, -3), ("▁", 1, -9));
        Tokenizer tokenizer = Tokenizer.Load(model.Path);
        Assert.Equal(["a", "bc"], Pieces(tokenizer, "abc")[1..]);
        Assert.Equal(["aa", "a"], Pieces(tokenizer, "aaa")[1..]);
        Assert.Equal(["ab", "ab"], Pieces(tokenizer, "abab")[1..]);
    }

    [Fact]
    public void A_character_without_a_piece_can_still_be_part_of_one()
    {
        // ü is no piece but aü is: the join is by text, not by ids.
        using TemporaryFile model = SentencePiece(("a", 1, -1), ("aü", 1, -1), ("▁", 1, -1), ("?", Unknown, 0));
        Tokenizer tokenizer = Tokenizer.Load(model.Path);
        Assert.Equal(["▁", "aü", "?", "a"], Pieces(tokenizer, "aüüa"));
    }

    [Fact]
    public void Types_of_tokens_decide_where_they_come_from()
    {
        using TemporaryFile model = SentencePiece(
            ("?", Unknown, 0), ("<s>", Control, 0), ("</s>", Control, 0), ("▁", 1, -1), ("<", 1, -1), ("s", 1, -1), (">", 1, -1),
            ("<s", 1, -1), ("ss", UserDefined, 0), ("<>", Unused, 5));
        Tokenizer tokenizer = Tokenizer.Load(model.Path);
        Assert.Equal(["▁", "<s", ">"], Pieces(tokenizer, "<s>"));
        Assert.Equal([1, 1], tokenizer.Encode("<s>", addSpecialTokens: true, parseSpecialTokens: true));
        Assert.Equal(["ss", "▁", "s"], Pieces(tokenizer, "sss"));
        Assert.Equal(["▁", "<", ">"], Pieces(tokenizer, "<>"));
        Assert.Equal("<s>", tokenizer.BosToken);
        Assert.Equal(2, tokenizer.EosId);
        Assert.True(tokenizer.IsSpecial(1));
        Assert.Equal("", tokenizer.TokenText(9));
    }

    [Fact]
    public void A_prefix_space_is_added_unless_the_file_says_otherwise()
    {
        (string, int, float)[] pieces = [("?", Unknown, 0), ("<s>", Control, 0), ("</s>", Control, 0), ("▁", 1, -1), ("a", 1, -1), ("▁a", 1, 0)];
        using TemporaryFile spaced = SentencePiece(pieces);
        using TemporaryFile bare = SentencePiece(pieces, gguf => gguf
            .Add("tokenizer.ggml.add_space_prefix", false).Add("tokenizer.ggml.add_bos_token", false).Add("tokenizer.ggml.add_eos_token", true));
        Assert.Equal([1, 5], Tokenizer.Load(spaced.Path).Encode("a", true, true));
        Assert.Equal([4, 2], Tokenizer.Load(bare.Path).Encode("a", true, true));
        Assert.Equal("a", Tokenizer.Load(spaced.Path).Decode([5]));
        Assert.Equal(" a", Tokenizer.Load(bare.Path).Decode([5]));
    }

    // From the expressions that the models' own tokenizers have.
    [Theory]
    [InlineData("llama-bpe", "I've 12345 cats\n\n you", "I|'ve|Ġ|123|45|Ġcats|ĊĊ|Ġyou")]
    [InlineData("qwen2", "I've 12345 cats\n\n you", "I|'ve|Ġ|1|2|3|4|5|Ġcats|ĊĊ|Ġyou")]
    [InlineData("gpt-2", "I've 12345 cats\n\n you", "I|'ve|Ġ12345|Ġcats|ĊĊ|Ġyou")]
    [InlineData("smollm", "I've 12 cats", "I|'ve|Ġ|1|2|Ġcats")]
    [InlineData("deepseek-llm", "I've 12 cats\n\n you", "I|'|ve|Ġ|12|Ġcats|Ċ|Ċ|Ġyou")]
    [InlineData("tekken", "helloWorld 12", "hello|World|Ġ|1|2")]
    [InlineData("gpt-4o", "helloWorld's 1234", "hello|World's|Ġ|123|4")]
    public void Pre_tokenizers_split_as_their_models_do(string name, string text, string words)
    {
        string[] expected = words.Split('|');
        using TemporaryFile model = ByteLevel(name, expected);
        Assert.Equal(expected, Pieces(Tokenizer.Load(model.Path), text));
    }

    [Fact]
    public void What_is_missing_or_wrong_is_named()
    {
        using TemporaryFolder folder = new();
        AssertRefused("holds no tokenizer", new GgufBytes());
        AssertRefused("of the kind \"bert\"; expected llama", Start("bert", "a"));
        AssertRefused("the pre-tokenizer is \"mine\"; expected one of gpt-2", Start("gpt2", "a").Add("tokenizer.ggml.pre", "mine"));
        AssertRefused("the metadata has no \"tokenizer.ggml.merges\"", Start("gpt2", "a"));
        AssertRefused("merge 1 is \"ab\"; expected two tokens", Start("gpt2", "a").Add("tokenizer.ggml.merges", ["ab"]));
        AssertRefused("merge 1 names the token 'b'", Start("gpt2", "a").Add("tokenizer.ggml.merges", ["a b"]));
        AssertRefused("\"tokenizer.ggml.scores\" has 1 numbers; expected 2", Start("llama", "a", "b").Add("tokenizer.ggml.scores", [1f]));
        AssertRefused("\"tokenizer.ggml.token_type\" has 1 numbers", Start("llama", "a", "b").Add("tokenizer.ggml.token_type", [1]));
        AssertRefused("token 0 is of type 9", Start("llama", "a").Add("tokenizer.ggml.token_type", [9]));
        AssertRefused("the token \"a\" has the ids 0 and 1", Start("llama", "a", "a"));
        AssertRefused("\"tokenizer.ggml.bos_token_id\" is 7; expected a whole number from 0 to 0", Start("llama", "a").Add("tokenizer.ggml.bos_token_id", 7u));
        AssertRefused("not valid JSON", Start("gpt2", "a").Add("tokenizer.huggingface.json", "{"));

        static GgufBytes Start(string kind, params string[] tokens) =>
            new GgufBytes().Add("tokenizer.ggml.model", kind).Add("tokenizer.ggml.tokens", tokens);

        void AssertRefused(string problem, GgufBytes gguf)
        {
            string path = folder.Write("model.gguf", gguf.Build());
            string message = Assert.Throws<InvalidInputException>(() => Tokenizer.Load(path)).Message;
            Assert.StartsWith(path, message, StringComparison.Ordinal);
            Assert.Contains(problem, message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void The_chat_template_is_read()
    {
        using TemporaryFile model = SentencePiece(
            [("?", Unknown, 0), ("<s>", Control, 0), ("</s>", Control, 0)],
            gguf => gguf.Add("tokenizer.chat_template", "{{ bos_token }}{{ messages[0]['content'] }}{{ eos_token }}"));
        Assert.True(Tokenizer.Exists(model.Path));
        Assert.Equal("<s>hi</s>", ChatTemplate.Load(model.Path)!.Render([new(ChatRole.User, "hi")], false));
        Assert.Null(ChatTemplate.Load(TokenizerVectors.File("ggml-vocab-gpt-2.gguf")));
    }

    private static string[] Pieces(Tokenizer tokenizer, string text) =>
        [.. tokenizer.Encode(text, false, false).Select(tokenizer.TokenText)];

    private static TemporaryFile SentencePiece(params (string Text, int Type, float Score)[] pieces) => SentencePiece(pieces, gguf => gguf);

    private static TemporaryFile SentencePiece((string Text, int Type, float Score)[] pieces, Func<GgufBytes, GgufBytes> add) =>
        new(add(new GgufBytes().Add("tokenizer.ggml.model", "llama")
            .Add("tokenizer.ggml.tokens", [.. pieces.Select(piece => piece.Text)])
            .Add("tokenizer.ggml.scores", pieces.Select(piece => piece.Score).ToArray())
            .Add("tokenizer.ggml.token_type", pieces.Select(piece => piece.Type).ToArray())).Build());

    // A vocabulary in which every expected word can be reached by merging its characters from the left.
    private static TemporaryFile ByteLevel(string name, string[] words)
    {
        List<string> tokens = [.. words.SelectMany(word => word).Distinct().Select(character => $"{character}")];
        List<string> merges = [];
        foreach (string word in words.Distinct())
        {
            for (int length = 2; length <= word.Length; length++)
            {
                if (tokens.Contains(word[..length]))
                    continue;
                tokens.Add(word[..length]);
                merges.Add($"{word[..(length - 1)]} {word[length - 1]}");
            }
        }

        return new(new GgufBytes().Add("tokenizer.ggml.model", "gpt2").Add("tokenizer.ggml.pre", name)
            .Add("tokenizer.ggml.tokens", [.. tokens]).Add("tokenizer.ggml.merges", [.. merges]).Build());
    }

    private sealed class TemporaryFile : IDisposable
    {
        private readonly TemporaryFolder _folder = new();

        public TemporaryFile(byte[] bytes) => Path = _folder.Write("model.gguf", bytes);

        public string Path { get; }

        public void Dispose() => _folder.Dispose();
    }
}
