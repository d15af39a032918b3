using System.Text;
using FsCheck.Fluent;
using MoA.Engine.Configuration;
using MoA.Engine.Files;
using MoA.Engine.Models;
using MoA.Engine.Tests.Models.Loading;
using MoA.Engine.Tokenization;
using MoA.Tests;

namespace MoA.Engine.Tests.Tokenization;

/// <summary>Folders with a tokenizer.model: a published vocabulary with its vectors, and small ones worked by hand.</summary>
public sealed class SentencePieceFolderTests : IDisposable
{
    private const int Unknown = 2, Control = 3, UserDefined = 4, Unused = 5;
    private const int Unigram = 1, Bpe = 2;

    private readonly TemporaryFolder _folder = new();

    [Fact]
    public void A_published_vocabulary_gives_the_published_ids()
    {
        Tokenizer tokenizer = Tokenizer.Load(TokenizerVectors.File("spm"));
        foreach ((string text, int[] ids) in TokenizerVectors.Read("llama-spm"))
        {
            Assert.Equal(ids, tokenizer.Encode(text, addSpecialTokens: false, parseSpecialTokens: false));
            Assert.Equal([1, .. ids], tokenizer.Encode(text, addSpecialTokens: true, parseSpecialTokens: false));
            Assert.Equal(text, tokenizer.Decode(ids));
        }

        Assert.Equal((1, 2, 32_000), (tokenizer.BosId, tokenizer.EosId, tokenizer.VocabularySize));
    }

    [Fact]
    public void Random_texts_get_the_ids_of_the_tokenizer_json()
    {
        Tokenizer model = Tokenizer.Load(TokenizerVectors.File("spm"));
        Tokenizer json = Tokenizer.Load(TokenizerVectors.File("llama-spm.tokenizer.json"));
        RandomTexts.Check(text => Assert.Equal(json.Encode(text, false, false), model.Encode(text, false, false)));
    }

    [Fact]
    public void The_tokenizer_json_counts_where_a_folder_has_both()
    {
        Write(Model(Pieces("<unk>", Unknown, "a", 1)));
        File.Copy(TokenizerVectors.File("llama-spm.tokenizer.json"), _folder.File("tokenizer.json"));
        Assert.Equal(32_000, Tokenizer.Load(_folder.Path).VocabularySize);
        File.Delete(_folder.File("tokenizer.json"));
        Assert.True(Tokenizer.Exists(_folder.Path));
        Assert.Equal(2, Tokenizer.Load(_folder.Path).VocabularySize);
    }

    /// <summary>SentencePiece neither takes user-defined pieces apart nor joins them, and puts no space after them.</summary>
    [Fact]
    public void User_defined_pieces_stay_whole()
    {
        Write(Model(Pieces("<unk>", Unknown, "<s>", Control, "</s>", Control, "▁", 1, "a", 1, "s", 1, "ss", UserDefined, "sss", UserDefined, "as", 1, "▁a", 1)));
        Assert.Equal(["▁a", "ss", "a"], PiecesOf("assa"));
        Assert.Equal(["▁", "sss", "s"], PiecesOf("ssss"));
        Assert.Equal(["▁", "as", "▁a"], PiecesOf("as a"), StringComparer.Ordinal);
    }

    [Fact]
    public void A_run_of_characters_without_a_piece_is_one_unknown_token()
    {
        Write(Model(Pieces("<unk>", Unknown, "▁", 1, "a", 1)));
        Assert.Equal(["▁", "<unk>", "a", "<unk>"], PiecesOf("xyazz"));
    }

    [Fact]
    public void The_file_says_whether_spaces_are_put_in_front_or_removed()
    {
        object[] pieces = Pieces("<unk>", Unknown, "▁", 1, "a", 1);
        Write(Model(pieces, addsSpace: false));
        Assert.Equal(["a", "▁", "▁", "a", "▁"], PiecesOf("a  a "));
        Write(Model(pieces, addsSpace: true));
        Assert.Equal(["▁", "a", "▁", "▁", "a", "▁"], PiecesOf("a  a "));
        Write(Model(pieces, addsSpace: true, removesSpaces: true));
        Assert.Equal(["▁", "a", "▁", "a"], PiecesOf("  a   a "));
        Assert.Empty(PiecesOf("   "));
    }

    [Fact]
    public void The_files_beside_it_add_tokens_and_say_what_begins_a_text()
    {
        Write(Model(Pieces("<unk>", Unknown, "<s>", Control, "</s>", Control, "▁", 1, "a", 1, "[I]", Control)));
        Tokenizer plain = Tokenizer.Load(_folder.Path);
        Assert.Equal([1, 3, 4, 2, 3, 4, 5, 3, 4], plain.Encode("a</s>a[I]a", true, true));
        _folder.Write("added_tokens.json", """{"<pad>": 6, "<turn>": 7}""");
        _folder.Write("special_tokens_map.json", """{"pad_token": "<pad>", "eos_token": "<turn>", "additional_special_tokens": ["[I]"]}""");
        _folder.Write("tokenizer_config.json", """{"add_bos_token": false, "add_eos_token": true, "added_tokens_decoder": {"8": {"content": "<x>", "special": true, "rstrip": true}}}""");
        Tokenizer tokenizer = Tokenizer.Load(_folder.Path);
        Assert.Equal([6, 3, 4, 7, 8, 3, 4, 7], tokenizer.Encode("<pad>a<turn><x>  a", true, true));
        Assert.Equal((true, true, false), (tokenizer.IsSpecial(6), tokenizer.IsSpecial(8), tokenizer.IsSpecial(4)));
        Assert.Equal(("<s>", "<turn>", 9), (tokenizer.BosToken, tokenizer.EosToken, tokenizer.VocabularySize));
        Assert.Equal("<pad>a<turn>", tokenizer.Decode([6, 3, 4, 7]).Replace(" ", "", StringComparison.Ordinal));
    }

    /// <summary>With "legacy": false a Llama tokenizer puts a space in front of the whole text only.</summary>
    [Fact]
    public void A_tokenizer_that_is_not_legacy_puts_no_space_after_special_tokens()
    {
        Write(Model(Pieces("<unk>", Unknown, "<s>", Control, "</s>", Control, "▁", 1, "a", 1), addsSpace: true));
        _folder.Write("tokenizer_config.json", """{"tokenizer_class": "LlamaTokenizer", "legacy": false}""");
        Assert.Equal([1, 3, 4, 2, 4], Tokenizer.Load(_folder.Path).Encode("a</s>a", true, true));
        Assert.Equal([1, 3, 3, 4], Tokenizer.Load(_folder.Path).Encode(" a", true, true));
        Assert.Equal([1, 2, 4], Tokenizer.Load(_folder.Path).Encode("</s>a", true, true));
        _folder.Write("tokenizer_config.json", """{"tokenizer_class": "LlamaTokenizer", "legacy": false, "add_prefix_space": false}""");
        Assert.Equal([1, 4, 2, 4], Tokenizer.Load(_folder.Path).Encode("a</s>a", true, true));
        _folder.Write("tokenizer_config.json", """{"tokenizer_class": "GemmaTokenizer", "legacy": false}""");
        Assert.Equal([1, 3, 4, 2, 3, 4], Tokenizer.Load(_folder.Path).Encode("a</s>a", true, true));
    }

    [Fact]
    public void A_converted_model_keeps_the_tokenizer()
    {
        foreach (string file in Directory.GetFiles(TokenizerVectors.File("spm")))
            File.Copy(file, _folder.File(Path.GetFileName(file)));
        _folder.Write("added_tokens.json", """{"<pad>": 32000}""");
        GgufWriter writer = new();
        Assert.Empty(GgufVocabularyWriter.Write(
            writer, _folder.Path, ModelShape.Parse("hidden=64,layers=1,heads=2,vocabulary=32002"), new GenerationConfig()));
        writer.Write(_folder.File("model.gguf"), null);
        Tokenizer expected = Tokenizer.Load(_folder.Path), actual = Tokenizer.Load(_folder.File("model.gguf"));
        using GgufFile published = GgufFile.Open(TokenizerVectors.File("ggml-vocab-llama-spm.gguf"));
        using GgufFile written = GgufFile.Open(_folder.File("model.gguf"));
        Assert.Equal(
            [.. published.Metadata.OptionalStrings("tokenizer.ggml.tokens")!, "<pad>", "[PAD32001]"], written.Metadata.OptionalStrings("tokenizer.ggml.tokens")!);
        Assert.Equal([.. published.Metadata.OptionalFloats("tokenizer.ggml.scores")!, 0, 0], written.Metadata.OptionalFloats("tokenizer.ggml.scores")!);
        Assert.Equal([.. published.Metadata.OptionalFloats("tokenizer.ggml.token_type")!, UserDefined, Unused], written.Metadata.OptionalFloats("tokenizer.ggml.token_type")!);
        RandomTexts.Check(text => Assert.Equal(expected.Encode(text, true, true), actual.Encode(text, true, true)));
        Assert.Equal(expected.Encode("a<pad>b</s>c", true, true), actual.Encode("a<pad>b</s>c", true, true));
        Assert.Equal((1, 2), (actual.BosId, actual.EosId));
    }

    [Fact]
    public void Other_kinds_are_refused_by_name()
    {
        object[] pieces = Pieces("<unk>", Unknown, "a", 1);
        AssertRefused(Model(pieces, kind: Unigram), "is of the kind unigram; expected BPE");
        AssertRefused(Model(pieces, kind: 0), "is of the kind unigram; expected BPE"); // the format's default
        AssertRefused(Model(pieces, kind: 3), "is of the kind word");
        AssertRefused(Model(Pieces("a", 1, "a", 1)), "the piece \"a\" stands there twice");
        AssertRefused(Model(Pieces("a", 1, "b", Unused)), "piece 1 is marked as unused");
        AssertRefused(Model(Pieces("a", 1, "", 1)), "piece 1 is empty");
        AssertRefused(Model(Pieces("a", 1, "b", 9)), "of type 9");
        AssertRefused([.. Model(pieces), .. Message(3, [.. Message(1, "nmt_nfkc"u8), .. Message(2, [1, 2, 3])])], "normalises text by the rules \"nmt_nfkc\"");
        AssertRefused([.. Model(pieces), .. Message(3, [5 << 3, 0])], "escape_whitespaces is false");
        AssertRefused([.. Model(pieces), .. Message(2, [0xC0, 1, 1])], "treat_whitespace_as_suffix");
        AssertRefused(Model(pieces)[..^2], "is damaged or truncated");
        AssertRefused("IQ== 0\nIg== 1\n"u8.ToArray(), "is no SentencePiece model");
        AssertRefused([], "is no SentencePiece model");
    }

    [Fact]
    public void Damaged_files_are_read_or_refused()
    {
        byte[] whole = Model(Pieces("<unk>", Unknown, "<s>", Control, "▁", 1, "a", 1, "▁a", 1));
        string path = _folder.File("tokenizer.model");
        Prop.ForAll(Gen.Choose(0, whole.Length - 1).Two().ToArbitrary(), Gen.Choose(0, 255).Two().ToArbitrary(), (places, values) =>
        {
            byte[] damaged = [.. whole];
            (damaged[places.Item1], damaged[places.Item2]) = ((byte)values.Item1, (byte)values.Item2);
            File.WriteAllBytes(path, damaged);
            try
            {
                _ = Tokenizer.Load(_folder.Path).Encode("<s>a  ä", true, true);
            }
            catch (InvalidInputException e)
            {
                return !e.Message.Contains('\n', StringComparison.Ordinal) && e.Message.StartsWith(path, StringComparison.Ordinal);
            }

            return true;
        }).Holds(1000);
    }

    public void Dispose() => _folder.Dispose();

    private void Write(byte[] model) => _folder.Write("tokenizer.model", model);

    private string[] PiecesOf(string text)
    {
        Tokenizer tokenizer = Tokenizer.Load(_folder.Path);
        return [.. tokenizer.Encode(text, false, false).Select(tokenizer.TokenText)];
    }

    private void AssertRefused(byte[] model, string problem)
    {
        Write(model);
        Refusal.AssertThrows(_folder.File("tokenizer.model"), problem, () => Tokenizer.Load(_folder.Path));
    }

    private static object[] Pieces(params object[] textsAndTypes) => textsAndTypes;

    // ModelProto, the scores falling in the order of the pieces; kind 0: the file does not say.
    private static byte[] Model(object[] textsAndTypes, int kind = Bpe, bool addsSpace = true, bool removesSpaces = false)
    {
        List<byte> file = [];
        for (int i = 0; i < textsAndTypes.Length; i += 2)
        {
            file.AddRange(Message(1, [
                .. Message(1, Encoding.UTF8.GetBytes((string)textsAndTypes[i])), 2 << 3 | 5, .. BitConverter.GetBytes(-(float)i), 3 << 3,
                (byte)(int)textsAndTypes[i + 1],
            ]));
        }

        file.AddRange(Message(2, kind == 0 ? [] : [3 << 3, (byte)kind]));
        file.AddRange(Message(3, [3 << 3, addsSpace ? (byte)1 : (byte)0, 4 << 3, removesSpaces ? (byte)1 : (byte)0]));
        return [.. file];
    }

    private static byte[] Message(int field, ReadOnlySpan<byte> bytes) => [(byte)(field << 3 | 2), (byte)bytes.Length, .. bytes];
}
