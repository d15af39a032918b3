using System.Text;
using System.Text.Json;

namespace MoA.Tests.Commands;

/// <summary><c>moa model info</c>: what a model will need, and what of it is not supported, without reading its weights.</summary>
public sealed class ModelInfoTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    // Demo model: 4 layers of 8 KV heads of 32 components, keys and values of 2 bytes. The plan keeps 128 rows of 512 everywhere.
    [Fact]
    public void Caches_are_reckoned_dense_and_under_a_plan()
    {
        const long token = 2L * 4 * 8 * 32 * 2;
        string row = $"[{string.Join(',', Enumerable.Repeat("128", 8))}]", none = $"[{string.Join(',', Enumerable.Repeat("0", 8))}]";
        string plan = _folder.Write("plan.json", $"{{\"alphas\":[{row},{row},{row},{row}],\"betas\":[{none},{none},{none},{none}]}}");
        JsonElement info = Invocation.Json("model", "info", "--plan", plan, "--lengths", "512,4096");
        Assert.Equal((token, 4096 * token), (info.GetProperty("kvBytesPerToken").GetInt64(), info.GetProperty("kvBytesAtFullContext").GetInt64()));
        Assert.Equal(("moa", true, 0), (info.GetProperty("policy").GetString(), info.GetProperty("supported").GetBoolean(), info.GetProperty("problems").GetArrayLength()));
        Assert.Equal([(512, 512 * token, 128 * token), (4096, 4096 * token, 128 * token)], info.GetProperty("kvCaches").EnumerateArray().Select(cache =>
            (cache.GetProperty("length").GetInt32(), cache.GetProperty("denseBytes").GetInt64(), cache.GetProperty("bytes").GetInt64())));
        Assert.Equal(0.25, info.GetProperty("kvCaches")[0].GetProperty("density").GetDouble());
        Assert.Equal("copied", info.GetProperty("kvCaches")[1].GetProperty("fits").GetString());
        Assert.Equal(token * 34 / 64, Invocation.Json("model", "info", "--kv", "q8_0").GetProperty("kvBytesPerToken").GetInt64());
        string text = Invocation.Of("model", "info", "--plan", plan, "--lengths", "512").Output;
        Assert.Contains("4.0 KiB a token, dense (bf16)", text, StringComparison.Ordinal);
        Assert.Contains("512 tokens: 2.0 MiB dense, 0.5 MiB under moa (density 0.250); fits with a copy of the weights", text, StringComparison.Ordinal);
        Invocation.Of("model", "info", "--lengths", "512,8192").AssertRefused("--lengths 8192", "context of 4096");
    }

    /// <summary>The weights are not read, be they 16 GiB or a number that is none; --check reads them.</summary>
    [Fact]
    public void Weights_are_read_only_when_asked_for()
    {
        string model = _folder.CopyModel("llama-mha");
        using (FileStream file = File.OpenWrite(Path.Combine(model, "model.safetensors")))
        {
            file.Position = file.Length - sizeof(float);
            file.Write(BitConverter.GetBytes(float.NaN));
        }

        Assert.True(Invocation.Json("model", "info", "--model", model).GetProperty("supported").GetBoolean());
        Invocation.Of("model", "info", "--model", model, "--check").AssertRefused("NaN");
    }

    /// <summary>What converting would give, reckoned or done.</summary>
    [Fact]
    public void Formats_are_those_after_a_conversion()
    {
        JsonElement info = Invocation.Json("model", "info", "--weights", "q8_0");
        Assert.Equal("bf16, q8_0", info.GetProperty("weightTypes").GetString());
        long matrices = 4L * (4 * 256 * 256 + 3 * 256 * 512) + 1280 * 256;
        Assert.Equal(matrices / 32 * 34, info.GetProperty("weightFormats")[1].GetProperty("bytes").GetInt64());
        Assert.Equal(matrices, info.GetProperty("weightFormats")[1].GetProperty("parameters").GetInt64());
    }

    [Theory]
    [InlineData("mixtral", 8, 2, "experts    8 of width 48 in 2 of 2 layers, of which a token uses 2")]
    [InlineData("gpt-oss", 6, 2, "experts    6 of width 32 in 4 of 4 layers, of which a token uses 2")]
    public void Experts_are_counted(string name, int experts, int used, string line)
    {
        string path = RepositoryFiles.Fixture("models", name);
        JsonElement info = Invocation.Json("model", "info", "--model", path);
        Assert.Equal((experts, used), (info.GetProperty("experts").GetInt32(), info.GetProperty("expertsUsed").GetInt32()));
        Assert.Contains(line, Invocation.Of("model", "info", "--model", path).Output, StringComparison.Ordinal);
        Assert.Equal(JsonValueKind.Null, Invocation.Json("model", "info", "--model", RepositoryFiles.DemoModel).GetProperty("experts").ValueKind);
    }

    [Fact]
    public void A_folder_that_is_not_run_is_described()
    {
        string model = _folder.CopyModel("llama-mha"), config = Path.Combine(model, "config.json");
        JsonElement known = Invocation.Json("model", "info", "--model", model);
        File.WriteAllText(config, File.ReadAllText(config).Replace("LlamaForCausalLM", "RwkvForCausalLM", StringComparison.Ordinal));
        JsonElement info = Invocation.Json("model", "info", "--model", model);
        Assert.False(info.GetProperty("supported").GetBoolean());
        Assert.Contains("RwkvForCausalLM", Assert.Single(info.GetProperty("problems").EnumerateArray()).GetString(), StringComparison.Ordinal);
        Assert.Equal("RwkvForCausalLM", info.GetProperty("architecture").GetString());
        foreach (string field in new[] { "layers", "queryHeads", "keyValueHeads", "headSize", "hiddenSize", "vocabularySize", "parameters", "weightBytes" })
            Assert.Equal(known.GetProperty(field).GetInt64(), info.GetProperty(field).GetInt64());
        Assert.False(info.TryGetProperty("kvCaches", out _));
        Invocation run = Invocation.Of("model", "info", "--model", model);
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.Contains("not run    ", run.Output, StringComparison.Ordinal);
        Invocation.Of("score", "--model", model, "--data", _folder.Write("x.jsonl", """{"tokens":[1,2]}""")).AssertRefused("RwkvForCausalLM");
    }

    [Fact]
    public void A_folder_without_weights_is_described()
    {
        string model = _folder.CopyModel("llama-mha");
        File.Delete(Path.Combine(model, "model.safetensors"));
        JsonElement info = Invocation.Json("model", "info", "--model", model);
        Assert.Contains("has no weights", Assert.Single(info.GetProperty("problems").EnumerateArray()).GetString(), StringComparison.Ordinal);
        Assert.Equal(0, info.GetProperty("parameters").GetInt64());
        Assert.Equal(JsonValueKind.Null, info.GetProperty("kvCaches")[0].GetProperty("fits").ValueKind);
    }

    /// <summary>Two tensors: 64 numbers of F32, and 1024 of a type that nobody reads, 400 bytes long, to the end of the file.</summary>
    [Fact]
    public void A_gguf_file_that_is_not_run_is_described()
    {
        string path = _folder["odd.gguf"];
        using (BinaryWriter file = new(File.Create(path)))
        {
            file.Write("GGUF"u8);
            file.Write(3);
            file.Write(2L);
            file.Write(3L);
            Text("general.architecture");
            file.Write(8);
            Text("mamba");
            Text("mamba.block_count");
            file.Write(4);
            file.Write(7);
            Text("mamba.context_length");
            file.Write(4);
            file.Write(512);
            Tensor("a.weight", [64], 0, 0);
            Tensor("b.weight", [256, 4], 29, 256);
            while (file.BaseStream.Position % 32 != 0)
                file.Write((byte)0);
            file.Write(new byte[256 + 400]);

            void Text(string text)
            {
                file.Write((long)text.Length);
                file.Write(Encoding.ASCII.GetBytes(text));
            }

            void Tensor(string name, long[] shape, int type, long offset)
            {
                Text(name);
                file.Write(shape.Length);
                foreach (long size in shape)
                    file.Write(size);
                file.Write(type);
                file.Write(offset);
            }
        }

        JsonElement info = Invocation.Json("model", "info", "--model", path);
        Assert.Equal(("mamba", 7, 512, 1088L, 656L), (info.GetProperty("architecture").GetString(), info.GetProperty("layers").GetInt32(),
            info.GetProperty("maxPositions").GetInt32(), info.GetProperty("parameters").GetInt64(), info.GetProperty("weightBytes").GetInt64()));
        Assert.Equal("f32, iq1_m", info.GetProperty("weightTypes").GetString());
        string[] problems = [.. info.GetProperty("problems").EnumerateArray().Select(problem => problem.GetString()!)];
        Assert.Contains(problems, problem => problem.Contains("mamba", StringComparison.Ordinal));
        Assert.Contains(problems, problem => problem.Contains("1 tensors are iq1_m", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("{")]
    [InlineData("[]")]
    public void Files_that_are_none_are_refused(string config)
    {
        string model = _folder.CopyModel("llama-mha");
        File.WriteAllText(Path.Combine(model, "config.json"), config);
        Invocation.Of("model", "info", "--model", model).AssertRefused("config.json");
        using (FileStream file = File.OpenWrite(Path.Combine(model, "model.safetensors")))
            file.SetLength(5);
        Invocation.Of("model", "info", "--model", model).AssertRefused("model.safetensors");
    }
}
