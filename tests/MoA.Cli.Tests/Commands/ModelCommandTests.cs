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

    [Fact]
    public void Convert_writes_a_gguf_file_that_every_command_takes()
    {
        using TemporaryFolder folder = new();
        JsonElement result = Invocation.Json("model", "convert", "--out", folder["demo.gguf"], "--weights", "Q8_0");
        Assert.Equal(new FileInfo(folder["demo.gguf"]).Length, result.GetProperty("bytes").GetInt64());
        Assert.Equal(29, result.GetProperty("tensors").GetProperty("q8_0").GetInt32()); // 7 matrices in 4 layers, and the embedding
        Assert.Empty(result.GetProperty("fallbacks").EnumerateArray());

        JsonElement info = Invocation.Json("model", "info", "--model", folder["demo.gguf"]);
        Assert.Equal("demo", info.GetProperty("name").GetString());
        Assert.Equal("f32, q8_0", info.GetProperty("weightTypes").GetString());
        long matrixBytes = 4L * (4 * 256 * 256 + 3 * 256 * 512) + 1280 * 256;
        Assert.Equal(matrixBytes / 32 * 34, info.GetProperty("weightFormats")[1].GetProperty("bytes").GetInt64());
        Assert.True(info.GetProperty("chatTemplate").GetBoolean());

        string[] tokenize = ["model", "tokenize", "<|user|>line_12 is <42>"];
        Assert.Equal(Invocation.Of(tokenize).Output, Invocation.Of([.. tokenize, "--model", folder["demo.gguf"]]).Output);
        JsonElement generated = Invocation.Json("generate", "line 12", "--model", folder["demo.gguf"], "-n", "4");
        Assert.InRange(generated.GetProperty("tokens").GetArrayLength(), 1, 4);
    }

    [Fact]
    public void Random_writes_a_model_of_the_shape_asked_for()
    {
        using TemporaryFolder folder = new();
        string[] random =
        [
            "model", "random", "--shape", "llama-3.2-1b,layers=1,vocabulary=500,hidden=96,heads=4,kv-heads=2,intermediate=64", "--weights", "q4_0",
            "--seed", "3", "--out",
        ];
        JsonElement result = Invocation.Json([.. random, folder["a.gguf"]]);
        Assert.Equal(8, result.GetProperty("tensors").GetProperty("q4_0").GetInt32());
        Invocation.Json([.. random, folder["b.gguf"], "--threads", "1"]);
        Assert.Equal(File.ReadAllBytes(folder["a.gguf"]), File.ReadAllBytes(folder["b.gguf"]));
        JsonElement info = Invocation.Json("model", "info", "--model", folder["a.gguf"]);
        Assert.Equal((96, 24, 500, 131_072), (info.GetProperty("hiddenSize").GetInt32(), info.GetProperty("headSize").GetInt32(),
            info.GetProperty("vocabularySize").GetInt32(), info.GetProperty("maxPositions").GetInt32()));
    }

    /// <summary>Words and the numbers of config.json; no braces and no names of the program's types.</summary>
    [Theory]
    [InlineData("llama-mha", "no scaling")]
    [InlineData("llama-linear", "scaling linear, factor 4")]
    [InlineData("llama-gqa-llama3", "scaling llama3, factor 8 beyond a context of 64, low and high frequency factors 1 and 4")]
    public void Info_says_the_scaling_in_words(string model, string words)
    {
        Invocation run = Invocation.Of("model", "info", "--model", RepositoryFiles.Fixture("models", model), "--threads", "1");
        Assert.Equal(0, run.ExitCode);
        Assert.Contains($", {words}\n", run.Output.ReplaceLineEndings("\n"), StringComparison.Ordinal);
        Assert.DoesNotContain('{', run.Output);
        Assert.DoesNotContain("MoA.", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_line_of_progress_names_what_it_is_about()
    {
        using TemporaryFolder folder = new();
        Invocation run = Invocation.Of("model", "convert", "--out", folder["a.gguf"]);
        Assert.Equal(0, run.ExitCode);
        string[] lines = run.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.NotEmpty(lines);
        Assert.All(lines, line => Assert.Matches(@"^convert: [\w.]+ \(\d+/\d+\)", line));
    }

    [Fact]
    public void Bad_wishes_and_files_are_refused()
    {
        using TemporaryFolder folder = new();
        Invocation.Of("model", "convert", "--out", folder["a.gguf"], "--weights", "q9_k").AssertRefused("--weights q9_k", "expected one of f32", "q6_k");
        Invocation.Of("model", "random", "--shape", "gpt-5", "--out", folder["a.gguf"]).AssertRefused("gpt-5", "llama-3.2-1b");
        Invocation.Of("model", "info", "--threads", "0").AssertRefused("--threads 0", "expected");
        string broken = folder.Write("broken.gguf", "GGUF");
        Invocation.Of("model", "info", "--model", broken).AssertRefused(broken, "truncated");
        Invocation.Of("model", "tokenize", "x", "--model", broken).AssertRefused(broken, "truncated");
        Invocation.Of("generate", "x", "--model", folder["none.gguf"]).AssertRefused("none.gguf", "there is no such file");
        Invocation.Json("model", "convert", "--out", folder["a.gguf"]);
        Invocation.Of("model", "convert", "--model", folder["a.gguf"], "--out", folder["a.gguf"]).AssertRefused("is part of the model");
    }
}
