using System.Text.Json.Nodes;
using MoA.Engine.Attention;
using MoA.Engine.Generation;
using MoA.Engine.Kernels;
using MoA.Engine.KvCache;
using MoA.Engine.Tokenization;
using MoA.Tests;

namespace MoA.Engine.Tests.Tokenization;

/// <summary>What becomes of a model's tokens: the models of tests/fixtures/cases write the same tokens whatever they are asked.</summary>
public sealed class DecodedTextTests
{
    [Theory]
    [InlineData("model")]
    [InlineData("model.gguf")]
    public void The_text_of_an_added_token_is_what_was_added(string model)
    {
        string path = RepositoryFiles.Fixture("cases", "added-tokens-with-accents", model);
        Assert.Equal("caféđem", Generate(path, "a", new GenerationOptions()).Text);
        Tokenizer tokenizer = Tokenizer.Load(path);
        int[] ids = tokenizer.Encode("une café — đem é", false, false);
        Assert.Contains(256, ids);
        Assert.Equal("une café — đem é", tokenizer.Decode(ids));
        Assert.Equal("\uFFFDcafé", tokenizer.Decode([0xE2, 256])); // a character that an added token breaks off
    }

    [Fact]
    public void A_token_that_words_are_made_of_stays_bytes_though_it_was_added_too()
    {
        // In the byte-level alphabet é is the byte E9, of which other characters are made, and Ã© the bytes of é.
        using TemporaryFolder folder = new();
        JsonNode root = JsonNode.Parse(File.ReadAllText(RepositoryFiles.Fixture("cases", "added-tokens-with-accents", "model", "tokenizer.json")))!;
        root["model"]!["vocab"]!["Ã©"] = 259;
        root["model"]!["merges"]!.AsArray().Add(JsonNode.Parse("""["Ã","©"]"""));
        foreach ((int id, string text) in ((int, string)[])[((int)root["model"]!["vocab"]!["é"]!, "é"), (259, "Ã©")])
            root["added_tokens"]!.AsArray().Add(new JsonObject { ["id"] = id, ["content"] = text });
        Tokenizer tokenizer = Tokenizer.Load(folder.Write("tokenizer.json", root.ToJsonString()));
        Assert.Equal("鯨", tokenizer.Decode(tokenizer.Encode("鯨", false, false))); // E9 AF A8
        Assert.Equal("é", tokenizer.Decode([259]));
        Assert.Equal("café", tokenizer.Decode([256]));
    }

    [Fact]
    public void User_defined_tokens_of_a_gguf_file_keep_their_space_marks()
    {
        // llama.cpp turns the marks of normal pieces into spaces and prints user-defined ones as they stand.
        Tokenizer tokenizer = Tokenizer.Load(TokenizerVectors.File("ggml-vocab-llama-spm.gguf"));
        int one = tokenizer.Encode("a b", false, false)[^1];
        Assert.Equal("b b", tokenizer.Decode([one, one]));
        string path = RepositoryFiles.Fixture("cases", "space-before-a-continuation", "model.gguf");
        Assert.Equal(" upon a", Generate(path, "Once", new GenerationOptions { ContinuesPrompt = true }).Text);
    }

    [Fact]
    public void A_stop_string_of_a_byte_token_is_complete_with_it()
    {
        string path = RepositoryFiles.Fixture("cases", "stop-string-of-byte-tokens", "model");
        GenerationResult result = Generate(path, "ab", new GenerationOptions { MaxNewTokens = 64, Stop = ["\n"] });
        Assert.Equal((1, FinishReason.Stop, ""), (result.Tokens.Length, result.Finish, result.Text));
        List<string> pieces = [];
        Assert.Equal("\n\n\n", Generate(path, "ab", new GenerationOptions { MaxNewTokens = 3 }, pieces.Add).Text);
        Assert.Equal(["\n", "\n", "\n"], pieces);
    }

    [Theory]
    [InlineData("E4 B8 AD", "", "", "中")]
    [InlineData("0A C3 A9 0A", "\n", "", "é", "\n")]
    [InlineData("F0 9F 9A 80 41", "", "", "", "🚀", "A")]
    [InlineData("C3 41", "", "\uFFFDA")] // a broken character ends with the byte that cannot belong to it
    [InlineData("F0 9F C3 A9", "", "", "\uFFFD\uFFFD", "é")]
    [InlineData("80 FF 41", "\uFFFD", "\uFFFD", "A")]
    public void Byte_tokens_are_held_back_only_while_a_character_is_incomplete(string bytes, params string[] pieces)
    {
        Tokenizer tokenizer = Tokenizer.Load(TokenizerVectors.File("llama-spm.tokenizer.json"));
        int[] ids = [.. bytes.Split(' ').Select(one => tokenizer.IdOf($"<0x{one}>")!.Value)];
        StreamingDecoder stream = tokenizer.CreateStream(skipSpecialTokens: true);
        Assert.Equal(pieces, ids.Select(stream.Push));
        Assert.Equal("", stream.Flush());
        Assert.Equal(string.Concat(pieces), tokenizer.Decode(ids));
    }

    [Theory]
    [InlineData("model")]
    [InlineData("model.gguf")]
    public void A_continuation_begins_with_its_space_and_an_answer_does_not(string model)
    {
        string path = RepositoryFiles.Fixture("cases", "space-before-a-continuation", model);
        Assert.Equal(" upon a", Generate(path, "Once", new GenerationOptions { ContinuesPrompt = true }).Text);
        Assert.Equal("upon a", Generate(path, "Once", new GenerationOptions()).Text);
    }

    [Theory]
    [InlineData("llama-spm", "Once upon a time")]
    [InlineData("llama-spm, with its marks set while splitting", "Once upon a time")]
    [InlineData("llama-spm, with a mark at the start only", "Once upon a time")]
    [InlineData("gpt-2", "Once upon a time")]
    [InlineData("llama-spm", "a  b   c")]
    [InlineData("llama-spm", "é 漢🚀 字\n\n x")]
    public void A_text_that_is_cut_anywhere_goes_on_where_it_was_cut(string name, string text)
    {
        using TemporaryFolder folder = new();
        Tokenizer tokenizer = Tokenizer.Load(TokenizerVariants.File(name, folder));
        int[] ids = tokenizer.Encode(text, false, false);
        for (int cut = 1; cut < ids.Length; cut++)
        {
            StreamingDecoder first = tokenizer.CreateStream(true), rest = tokenizer.CreateStream(true, ids.AsSpan(0, cut));
            Assert.Equal(text, string.Concat(ids[..cut].Select(first.Push)) + string.Concat(ids[cut..].Select(rest.Push)) + rest.Flush());
        }
    }

    [Fact]
    public void A_prompt_that_brings_its_own_BOS_gets_no_second()
    {
        Tokenizer tokenizer = Tokenizer.Load(RepositoryFiles.Fixture("cases", "two-bos-tokens", "model"));
        Assert.Equal([1, 288], tokenizer.EncodePrompt("<s>ab"));
        Assert.Equal([1, 288], tokenizer.EncodePrompt("ab"));
        Assert.Equal([1], tokenizer.EncodePrompt(""));
        Assert.Equal([1, 1, 288], tokenizer.Encode("<s>ab", addSpecialTokens: true, parseSpecialTokens: true));
        Assert.Equal([1, 1, 288], tokenizer.EncodePrompt("<s><s>ab")); // asked for twice
    }

    private static GenerationResult Generate(string path, string prompt, GenerationOptions options, Action<string>? onText = null)
    {
        using ComputeBackend backend = ComputeBackend.CreateCpu(1);
        using LanguageModel model = LanguageModel.Load(path, backend);
        int[] tokens = model.RequireTokenizer().EncodePrompt(prompt);
        using SequenceCache sequence = model.Transformer.CreateSequence(new DensePolicy(), tokens.Length + options.MaxNewTokens);
        return new TextGenerator(model).Run(sequence, tokens, options, onText);
    }
}
