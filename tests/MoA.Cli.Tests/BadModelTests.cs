namespace MoA.Tests;

/// <summary>Damaged or unknown models are refused in one line that names the file, and nothing is written.</summary>
public sealed class BadModelTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly string _data;

    public BadModelTests() => _data = _folder.Write("items.jsonl", """{"tokens":[1,2,3,4]}""");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_truncated_shard()
    {
        string model = _folder.CopyModel("llama-gqa-llama3"), shard = Path.Combine(model, "model-00002-of-00002.safetensors");
        using (FileStream file = File.OpenWrite(shard))
            file.SetLength(file.Length - 100);
        AssertRefused(model, "model-00002-of-00002.safetensors");
    }

    [Fact]
    public void A_file_that_ends_within_its_header()
    {
        string model = _folder.CopyModel("llama-mha");
        using (FileStream file = File.OpenWrite(Path.Combine(model, "model.safetensors")))
            file.SetLength(5);
        AssertRefused(model, "model.safetensors");
    }

    [Fact]
    public void A_shard_index_that_names_a_missing_file()
    {
        string model = _folder.CopyModel("llama-gqa-llama3");
        File.Delete(Path.Combine(model, "model-00001-of-00002.safetensors"));
        AssertRefused(model, "model-00001-of-00002.safetensors");
    }

    [Fact]
    public void A_tensor_of_the_wrong_shape()
    {
        string model = _folder.CopyModel("llama-mha");
        Replace(model, "\"vocab_size\": 128", "\"vocab_size\": 120");
        AssertRefused(model, "model.safetensors", "120", "128");
    }

    [Fact]
    public void A_weight_that_is_no_number()
    {
        string model = _folder.CopyModel("llama-mha");
        using (FileStream file = File.OpenWrite(Path.Combine(model, "model.safetensors")))
        {
            file.Position = file.Length - sizeof(float);
            file.Write(BitConverter.GetBytes(float.NaN));
        }

        AssertRefused(model, "model.safetensors", "NaN");
    }

    [Fact]
    public void An_unknown_architecture()
    {
        string model = _folder.CopyModel("llama-mha");
        Replace(model, "LlamaForCausalLM", "RwkvForCausalLM");
        AssertRefused(model, "config.json", "RwkvForCausalLM");
    }

    [Fact]
    public void An_unknown_rope_type()
    {
        string model = _folder.CopyModel("llama-linear");
        Replace(model, "\"type\": \"linear\"", "\"type\": \"spiral\"");
        AssertRefused(model, "config.json", "spiral");
    }

    [Fact]
    public void A_config_that_is_no_json_and_one_that_is_missing()
    {
        string model = _folder.CopyModel("llama-mha"), config = Path.Combine(model, "config.json");
        File.WriteAllText(config, "{");
        AssertRefused(model, "config.json");
        File.Delete(config);
        AssertRefused(model, "config.json", "no such file");
    }

    [Fact]
    public void A_folder_that_is_not_there_and_one_that_is_a_file()
    {
        AssertRefused(_folder["none"], _folder["none"], "no such folder");
        AssertRefused(_data, _data, "is a file");
    }

    [Fact]
    public void A_model_without_a_tokenizer_where_text_is_given()
    {
        string model = RepositoryFiles.Fixture("models", "llama-mha"), text = _folder.Write("text.jsonl", """{"text":"hello"}""");
        Invocation.Of("generate", "hello", "--model", model).AssertRefused("llama-mha", "tokenizer.json");
        Invocation.Of("score", "--model", model, "--data", text).AssertRefused("tokenizer.json");
        Invocation.WithInput("hello\n", "chat", "--model", model).AssertRefused("tokenizer.json");
        Invocation.Of("compress", "--model", model, "--out", _folder["out"], "--lengths", "128", "--validate-length", "192", "--density", "1",
            "--retrieval-items", "0", "--extend", "256", "--quiet").AssertRefused("tokenizer.json");
    }

    private static void Replace(string model, string before, string after)
    {
        string config = Path.Combine(model, "config.json"), text = File.ReadAllText(config);
        Assert.Contains(before, text, StringComparison.Ordinal);
        File.WriteAllText(config, text.Replace(before, after, StringComparison.Ordinal));
    }

    private void AssertRefused(string model, params string[] words)
    {
        string[] before = _folder.Names();
        Invocation.Of("model", "info", "--check", "--model", model, "--json").AssertRefused(words);
        Invocation.Of("score", "--model", model, "--data", _data, "--json").AssertRefused(words);
        Invocation.Of("compress", "--model", model, "--out", _folder["out"]).AssertRefused(words);
        Assert.Equal(before, _folder.Names());
    }
}
