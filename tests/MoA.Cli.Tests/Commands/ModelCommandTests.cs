using System.Globalization;
using System.Text.Json;

namespace MoA.Tests.Commands;

public sealed class ModelCommandTests
{
    private const string Separator = "\n__ggml_vocab_test__\n";

    [Theory]
    [InlineData("gpt-2", true)]
    [InlineData("llama-spm", false)]
    public void Tokenize_gives_the_published_ids(string vocabulary, bool asFolder)
    {
        using TemporaryFolder folder = new();
        string model = RepositoryFiles.Fixture("tokenizers", $"{vocabulary}.tokenizer.json");
        if (asFolder)
        {
            File.Copy(model, folder["tokenizer.json"]);
            model = folder.Path;
        }

        string[] texts = File.ReadAllText(RepositoryFiles.Fixture("tokenizers", $"ggml-vocab-{vocabulary}.gguf.inp")).Split(Separator)[..^1];
        string[] expected = File.ReadAllLines(RepositoryFiles.Fixture("tokenizers", $"ggml-vocab-{vocabulary}.gguf.out"));
        string data = folder.Write("texts.jsonl", string.Concat(texts.Select(text => $"{{\"text\":{Quoted(text)}}}\n")));
        JsonElement[] items = [.. Invocation.Json("model", "tokenize", "--model", model, "--data", data, "--no-special-tokens")
            .GetProperty("items").EnumerateArray()];
        Assert.Equal(texts.Length, items.Length);
        for (int i = 0; i < items.Length; i++)
            Assert.Equal(expected[i].Trim(), string.Join(' ', items[i].GetProperty("tokens").EnumerateArray()));

        static string Quoted(string text) => $"\"{JsonEncodedText.Encode(text)}\"";
    }

    [Fact]
    public void Tokenize_prints_one_line_a_text()
    {
        Invocation run = Invocation.Of("model", "tokenize", "<|bos|>line 12");
        Assert.Equal(0, run.ExitCode);
        int[] ids = [.. run.Output.TrimEnd().Split(' ').Select(id => int.Parse(id, CultureInfo.InvariantCulture))];
        Assert.Equal(1276, ids[0]); // <|bos|>, as tokenizer_config.json says
        Assert.DoesNotContain("1276", Invocation.Of("model", "tokenize", "<|bos|>line 12", "--no-special-tokens").Output, StringComparison.Ordinal);
    }

    // Shapes from the demo model's README.
    [Fact]
    public void Info_says_what_the_model_is()
    {
        JsonElement info = Invocation.Json("model", "info");
        Assert.Equal("demo", info.GetProperty("name").GetString());
        Assert.Equal(4, info.GetProperty("layers").GetInt32());
        Assert.Equal(8, info.GetProperty("queryHeads").GetInt32());
        Assert.Equal(32, info.GetProperty("headSize").GetInt32());
        Assert.Equal(1280, info.GetProperty("vocabularySize").GetInt32());
        Assert.Equal(4096, info.GetProperty("maxPositions").GetInt32());
        Assert.InRange(info.GetProperty("parameters").GetInt64(), 2_945_000, 2_955_000);
        // Keys and values of 4 layers of 8 heads of 32 BF16 numbers at 4096 positions.
        Assert.Equal(2L * 4 * 8 * 32 * 2 * 4096, info.GetProperty("kvBytesAtFullContext").GetInt64());
        Assert.True(info.GetProperty("tokenizer").GetBoolean());
        Assert.True(info.GetProperty("chatTemplate").GetBoolean());
    }

    [Fact]
    public void Info_reads_a_folder_of_shards_without_a_tokenizer()
    {
        JsonElement info = Invocation.Json("model", "info", "--model", RepositoryFiles.Fixture("models", "llama-gqa-llama3"));
        Assert.Equal("llama-gqa-llama3", info.GetProperty("name").GetString());
        Assert.False(info.GetProperty("tokenizer").GetBoolean());
        Assert.True(info.GetProperty("keyValueHeads").GetInt32() < info.GetProperty("queryHeads").GetInt32());
    }
}
