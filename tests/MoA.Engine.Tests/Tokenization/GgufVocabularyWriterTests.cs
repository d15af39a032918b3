using MoA.Engine.Configuration;
using MoA.Engine.Files;
using MoA.Engine.Models;
using MoA.Engine.Models.Loading;
using MoA.Engine.Tests.Models.Loading;
using MoA.Engine.Tokenization;
using MoA.Tests;

namespace MoA.Engine.Tests.Tokenization;

/// <summary>Tokenizers written to GGUF files, against published files and against where they came from.</summary>
public sealed class GgufVocabularyWriterTests
{
    [Theory]
    [InlineData("gpt-2")]
    [InlineData("llama-spm")]
    public void A_tokenizer_json_becomes_the_published_vocabulary(string vocabulary)
    {
        using TemporaryFolder folder = new();
        File.Copy(TokenizerVectors.File($"{vocabulary}.tokenizer.json"), folder.File("tokenizer.json"));
        using GgufFile published = GgufFile.Open(TokenizerVectors.File($"ggml-vocab-{vocabulary}.gguf"));
        int size = published.Metadata.OptionalStrings("tokenizer.ggml.tokens")!.Count;
        GgufWriter writer = new();
        Assert.Empty(GgufVocabularyWriter.Write(writer, folder.Path, Config(size + 2), new GenerationConfig()));
        writer.Write(folder.File("written.gguf"), null);
        using GgufFile written = GgufFile.Open(folder.File("written.gguf"));
        foreach (string key in new[] { "tokenizer.ggml.model", "tokenizer.ggml.pre" })
            Assert.Equal(published.Metadata.String(key), written.Metadata.String(key));
        Assert.Equal(
            [.. published.Metadata.OptionalStrings("tokenizer.ggml.tokens")!, $"[PAD{size}]", $"[PAD{size + 1}]"],
            written.Metadata.OptionalStrings("tokenizer.ggml.tokens"));
        Assert.Equal(published.Metadata.OptionalStrings("tokenizer.ggml.merges"), written.Metadata.OptionalStrings("tokenizer.ggml.merges"));
        Assert.Equal(
            [.. published.Metadata.OptionalFloats("tokenizer.ggml.token_type")!, 5, 5],
            written.Metadata.OptionalFloats("tokenizer.ggml.token_type")!);

        // Once with the whole tokenizer.json, once, without it, by the vocabulary in GGUF's own manner.
        GgufWriter bare = new();
        foreach (string key in written.Metadata.Keys.Where(key => key != GgufVocabulary.HuggingFaceKey))
            bare.Copy(key, written.Metadata[key]);
        bare.Write(folder.File("bare.gguf"), null);
        foreach (string file in new[] { "written.gguf", "bare.gguf" })
        {
            Tokenizer tokenizer = Tokenizer.Load(folder.File(file));
            foreach ((string text, int[] ids) in TokenizerVectors.Read(vocabulary))
                Assert.Equal(ids, tokenizer.Encode(text, addSpecialTokens: false, parseSpecialTokens: false));
        }
    }

    [Fact]
    public void The_demo_model_keeps_its_tokenizer_and_chat_template()
    {
        using TemporaryFolder folder = new();
        ConversionResult result = GgufConverter.Convert(RepositoryFiles.DemoModel, folder.File("demo.gguf"), null);
        Assert.Contains("GPT-2", Assert.Single(result.Notes), StringComparison.Ordinal);
        Tokenizer source = Tokenizer.Load(RepositoryFiles.DemoModel), read = Tokenizer.Load(result.File);
        Assert.Equal((source.BosToken, source.EosToken, source.VocabularySize), (read.BosToken, read.EosToken, read.VocabularySize));
        RandomTexts.Check(text => Assert.Equal(source.Encode(text, true, true), read.Encode(text, true, true)));
        ChatMessage[] messages = [new(ChatRole.User, "line 12?"), new(ChatRole.Assistant, "<42>")];
        Assert.Equal(
            new ConversationEncoder(source, ChatTemplate.Load(RepositoryFiles.DemoModel)).Encode(messages).Tokens,
            new ConversationEncoder(read, ChatTemplate.Load(result.File)).Encode(messages).Tokens);
    }

    [Fact]
    public void A_model_without_a_tokenizer_says_so()
    {
        using TemporaryFolder folder = new();
        string file = GgufConverter.Convert(RepositoryFiles.Fixture("models", "llama-mha"), folder.File("a.gguf"), null).File;
        Assert.False(Tokenizer.Exists(file));
        Assert.Null(ChatTemplate.Load(file));
    }

    private static ModelConfig Config(int vocabulary) => ModelShape.Parse($"hidden=64,layers=1,heads=2,vocabulary={vocabulary}");
}
