using System.Text;
using FsCheck;
using FsCheck.Fluent;
using MoA.Engine.Tokenization;
using MoA.Tests;

namespace MoA.Engine.Tests.Tokenization;

public class TokenizerTests
{
    private static readonly Dictionary<string, Tokenizer> Loaded = new()
    {
        ["gpt-2"] = Tokenizer.Load(TokenizerVectors.File("gpt-2.tokenizer.json")),
        ["llama-spm"] = Tokenizer.Load(TokenizerVectors.File("llama-spm.tokenizer.json")),
        ["demo"] = Tokenizer.Load(RepositoryFiles.DemoModel),
    };

    [Theory]
    [InlineData("gpt-2")]
    [InlineData("llama-spm")]
    public void Encodes_the_reference_texts_to_the_reference_ids(string vocabulary)
    {
        foreach ((string text, int[] ids) in TokenizerVectors.Read(vocabulary))
            Assert.Equal(ids, Loaded[vocabulary].Encode(text, addSpecialTokens: false, parseSpecialTokens: false));
    }

    [Theory]
    [InlineData("gpt-2")]
    [InlineData("llama-spm")]
    public void Decodes_the_reference_ids_to_the_reference_texts(string vocabulary)
    {
        foreach ((string text, int[] ids) in TokenizerVectors.Read(vocabulary))
            Assert.Equal(text, Loaded[vocabulary].Decode(ids));
    }

    [Fact]
    public void Encodes_a_document_of_one_word_as_its_parts()
    {
        // SentencePiece takes the whole text as one word; cutting it at spaces must not change the tokens.
        (string text, int[] ids) = TokenizerVectors.Read("llama-spm").Last();
        string repeated = string.Concat(Enumerable.Repeat("\n" + text, 40));
        int[] once = Loaded["llama-spm"].Encode("\n" + text, false, false);
        int[] tokens = Loaded["llama-spm"].Encode(repeated, false, false);
        Assert.Equal(ids[^1], tokens[^1]);
        Assert.Equal(once[1..], tokens[^(once.Length - 1)..]);
        Assert.Equal(repeated, Loaded["llama-spm"].Decode(tokens));
    }

    [Fact]
    public void Encodes_a_long_run_of_one_letter()
    {
        // GPT-2 merges a+a, aa+aa; so a power of two leaves aaaa only.
        int[] tokens = Loaded["gpt-2"].Encode(new string('a', 1 << 15), false, false);
        Assert.Equal(1 << 13, tokens.Length);
        Assert.Equal("aaaa", Loaded["gpt-2"].TokenText(Assert.Single(tokens.Distinct())));
    }

    [Theory]
    [InlineData("gpt-2")]
    [InlineData("llama-spm")]
    [InlineData("demo")]
    public void Any_text_comes_back(string vocabulary)
    {
        Tokenizer tokenizer = Loaded[vocabulary];
        RandomTexts.Check(text =>
        {
            // The format writes a space and the space mark U+2581 alike.
            string expected = vocabulary == "llama-spm" ? text.Replace('\u2581', ' ') : text;
            Assert.Equal(expected, tokenizer.Decode(tokenizer.Encode(text, false, false)));
        });
    }

    [Theory]
    [InlineData("gpt-2")]
    [InlineData("llama-spm")]
    [InlineData("demo")]
    public void Streamed_text_is_decoded_text_for_any_ids(string vocabulary)
    {
        Tokenizer tokenizer = Loaded[vocabulary];
        var ids = Gen.Choose(-1, 300).Or(Gen.Choose(0, tokenizer.VocabularySize + 1)).ArrayOf();
        Prop.ForAll(ids.ToArbitrary(), sequence =>
        {
            foreach (bool skip in (bool[])[false, true])
            {
                StreamingDecoder stream = tokenizer.CreateStream(skip);
                string[] pieces = [.. sequence.Select(stream.Push), stream.Flush()];
                Assert.Equal(tokenizer.Decode(sequence, skip), string.Concat(pieces));
                Assert.All(pieces, piece => Assert.Equal(piece, Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(piece))));
            }
        }).Holds();
    }

    [Fact]
    public void A_character_comes_when_its_last_byte_is_there()
    {
        Tokenizer tokenizer = Loaded["demo"];
        int[] rocket = tokenizer.Encode("🚀", false, false);
        Assert.Equal(4, rocket.Length); // the vocabulary has no merges for these bytes
        StreamingDecoder stream = tokenizer.CreateStream(skipSpecialTokens: false);
        Assert.Equal(["", "", "", "🚀"], rocket.Select(stream.Push));
        Assert.Equal("", stream.Flush());
    }

    [Fact]
    public void Broken_bytes_become_replacement_characters()
    {
        // Byte-level: one U+FFFD for a cut-off sequence, then the text goes on. Byte fallback: one for every byte of the run.
        Tokenizer demo = Loaded["demo"];
        int[] ids = [.. demo.Encode("🚀", false, false)[..3], .. demo.Encode("a", false, false)];
        Assert.Equal("\uFFFDa", demo.Decode(ids));

        Tokenizer llama = Loaded["llama-spm"];
        int[] bytes = [llama.IdOf("<0xF0>")!.Value, llama.IdOf("<0x9F>")!.Value, llama.IdOf("a")!.Value];
        Assert.Equal("\uFFFD\uFFFDa", llama.Decode(bytes));
    }

    [Fact]
    public void Unpaired_surrogates_count_as_replacement_characters()
    {
        foreach (Tokenizer tokenizer in Loaded.Values)
        {
            Assert.Equal(
                tokenizer.Encode("a\uFFFDb🚀\uFFFD", false, false), tokenizer.Encode("a\uD83Db🚀\uDE80", false, false));
        }
    }

    [Fact]
    public void Key_words_and_digits_of_the_demo_model_are_one_token_each()
    {
        Tokenizer tokenizer = Loaded["demo"];
        Assert.Equal(1280, tokenizer.VocabularySize);
        int[] ids = tokenizer.Encode("line blunt-otter: REGISTER_CONTENT is <40893>\nline tidy-lake", false, false);
        string[] words = [.. ids.Select(id => tokenizer.Decode([id]))];
        Assert.Contains(" blunt", words);
        Assert.Contains("otter", words);
        Assert.Contains(" tidy", words);
        Assert.Contains("lake", words);
        Assert.Equal("4,0,8,9,3", string.Join(",", words.Where(word => word.Length == 1 && char.IsAsciiDigit(word[0]))));
    }

    [Fact]
    public void Special_tokens_are_parsed_on_request_only()
    {
        Tokenizer tokenizer = Loaded["demo"];
        Assert.Equal([1276, 1278], tokenizer.Encode("<|bos|><|user|>", false, parseSpecialTokens: true));
        int[] asText = tokenizer.Encode("<|bos|><|user|>", false, parseSpecialTokens: false);
        Assert.DoesNotContain(asText, tokenizer.IsSpecial);
        Assert.Equal("<|bos|><|user|>", tokenizer.Decode(asText, skipSpecialTokens: true));
        Assert.Equal("a", tokenizer.Decode([1276, tokenizer.IdOf("a")!.Value, 1277], skipSpecialTokens: true));
        Assert.Equal("<|bos|>a<|eos|>", tokenizer.Decode([1276, tokenizer.IdOf("a")!.Value, 1277]));
    }

    [Fact]
    public void Knows_the_tokens_that_begin_and_end_a_text()
    {
        Tokenizer tokenizer = Loaded["demo"];
        Assert.Equal(("<|bos|>", "<|eos|>", 1276, 1277), (tokenizer.BosToken, tokenizer.EosToken, tokenizer.BosId, tokenizer.EosId));
        Assert.Null(Loaded["gpt-2"].BosToken);
        Assert.True(Tokenizer.Exists(RepositoryFiles.DemoModel));
        Assert.False(Tokenizer.Exists(RepositoryFiles.Fixture("models", "llama-mha")));
        Assert.Equal("", tokenizer.TokenText(-5));
        Assert.Null(tokenizer.IdOf("no such token"));
    }
}
