using System.Text.Json;
using MoA.Engine.Configuration;
using MoA.Engine.Files;
using MoA.Engine.Models;
using MoA.Engine.Models.Loading;
using MoA.Engine.Numerics;
using MoA.Tests;

namespace MoA.Engine.Tests.Models.Loading;

/// <summary>The fixture checkpoints load, with the shapes and formats that their config.json states.</summary>
public sealed class HuggingFaceFolderTests
{
    public static TheoryData<string> Models { get; } =
        ["llama-mha", "llama-linear", "llama-gqa-llama3", "mistral", "qwen2-bf16", "qwen3"];

    [Theory]
    [MemberData(nameof(Models))]
    public void Shapes_follow_the_config(string name)
    {
        using LoadedModel model = HuggingFaceFolder.Load(RepositoryFiles.Fixture("models", name));
        ModelConfig config = model.Config;
        int queries = config.QueryHeads * config.HeadSize;
        int keys = config.KeyValueHeads * config.HeadSize;
        Assert.Equal(name, model.Name);
        Assert.Equal(config.Layers, model.Weights.Layers.Count);
        AssertShape(config.VocabularySize, config.HiddenSize, model.Weights.Embedding);
        AssertShape(config.VocabularySize, config.HiddenSize, model.Weights.Head);
        AssertShape(1, config.HiddenSize, model.Weights.FinalNorm);
        foreach (LayerWeights layer in model.Weights.Layers)
        {
            AssertShape(1, config.HiddenSize, layer.AttentionNorm!);
            AssertShape(queries, config.HiddenSize, layer.Query);
            AssertShape(keys, config.HiddenSize, layer.Key);
            AssertShape(keys, config.HiddenSize, layer.Value);
            AssertShape(config.HiddenSize, queries, layer.Output);
            AssertShape(1, config.HiddenSize, layer.FeedForwardNorm!);
            AssertShape(config.IntermediateSize, config.HiddenSize, layer.FeedForward[0].Gate);
            AssertShape(config.IntermediateSize, config.HiddenSize, layer.FeedForward[0].Up);
            AssertShape(config.HiddenSize, config.IntermediateSize, layer.FeedForward[0].Down);
        }
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void Bytes_are_the_data_bytes_of_the_files(string name)
    {
        string folder = RepositoryFiles.Fixture("models", name);
        using LoadedModel model = HuggingFaceFolder.Load(folder);
        long dataBytes = Directory.GetFiles(folder, "model*.safetensors")
            .Sum(path => new FileInfo(path).Length - 8 - BitConverter.ToInt64(File.ReadAllBytes(path), 0));
        Assert.Equal(dataBytes, model.Weights.Bytes);
    }

    /// <summary>The same model as torch.save writes it: keys and values in one storage, queries stored transposed, two shards.</summary>
    [Fact]
    public unsafe void Checkpoints_of_PyTorch_hold_the_same_bits()
    {
        using LoadedModel expected = HuggingFaceFolder.Load(RepositoryFiles.Fixture("models", "llama-mha"));
        using LoadedModel actual = HuggingFaceFolder.Load(RepositoryFiles.Fixture("models", "llama-mha-pt"));
        foreach ((WeightTensor one, WeightTensor other) in expected.Weights.All.Zip(actual.Weights.All))
            Assert.True(new ReadOnlySpan<byte>(one.Data, (int)one.Bytes).SequenceEqual(new ReadOnlySpan<byte>(other.Data, (int)other.Bytes)), one.Name);
        Assert.Equal(expected.Weights.Fingerprint, actual.Weights.Fingerprint);
    }

    [Fact]
    public void Safetensors_are_read_where_a_folder_has_both()
    {
        using TemporaryFolder folder = new();
        foreach (string file in Directory.GetFiles(RepositoryFiles.Fixture("models", "llama-mha")))
            File.Copy(file, folder.File(Path.GetFileName(file)));
        _ = folder.Write("pytorch_model.bin", "nothing that could be read");
        using LoadedModel model = HuggingFaceFolder.Load(folder.Path);
        Assert.Equal(2, model.Weights.Layers.Count);
    }

    [Fact]
    public void A_missing_shard_of_a_PyTorch_checkpoint_is_named()
    {
        using TemporaryFolder folder = new();
        foreach (string file in Directory.GetFiles(RepositoryFiles.Fixture("models", "llama-mha-pt")))
            File.Copy(file, folder.File(Path.GetFileName(file)));
        string shard = folder.File("pytorch_model-00002-of-00002.bin");
        File.Delete(shard);
        Refusal.AssertThrows(shard, "there is no such file, but pytorch_model.bin.index.json names it", () => HuggingFaceFolder.Load(folder.Path));
        File.Copy(folder.File("pytorch_model-00001-of-00002.bin"), shard);
        Refusal.AssertThrows(shard, "which pytorch_model.bin.index.json says is here", () => HuggingFaceFolder.Load(folder.Path));
        _ = folder.Write("pytorch_model.bin.index.json", """{"weight_map":{"a":"../a.bin"}}""");
        Refusal.AssertThrows(folder.File("pytorch_model.bin.index.json"), "the name of a .bin file in the same folder", () => HuggingFaceFolder.Load(folder.Path));
    }

    [Fact]
    public void Tied_models_use_the_embedding_as_head()
    {
        using LoadedModel tied = HuggingFaceFolder.Load(RepositoryFiles.Fixture("models", "qwen2-bf16"));
        using LoadedModel untied = HuggingFaceFolder.Load(RepositoryFiles.Fixture("models", "llama-mha"));
        Assert.Same(tied.Weights.Embedding, tied.Weights.Head);
        Assert.NotSame(untied.Weights.Embedding, untied.Weights.Head);
    }

    [Fact]
    public void Biases_and_head_norms_are_there_where_the_family_has_them()
    {
        using LoadedModel qwen2 = HuggingFaceFolder.Load(RepositoryFiles.Fixture("models", "qwen2-bf16"));
        LayerWeights biased = qwen2.Weights.Layers[1];
        AssertShape(1, 64, biased.QueryBias!);
        AssertShape(1, 32, biased.KeyBias!);
        AssertShape(1, 32, biased.ValueBias!);
        Assert.Null(biased.OutputBias);
        Assert.Null(biased.QueryNorm);
        Assert.Equal(ElementType.BF16, biased.Query.Type);

        using LoadedModel qwen3 = HuggingFaceFolder.Load(RepositoryFiles.Fixture("models", "qwen3"));
        LayerWeights normed = qwen3.Weights.Layers[1];
        AssertShape(1, 32, normed.QueryNorm!);
        AssertShape(1, 32, normed.KeyNorm!);
        Assert.Null(normed.QueryBias);
        Assert.Equal(ElementType.F32, normed.Query.Type);
    }

    /// <summary>The reference's first hidden state is the embedding of each input token.</summary>
    [Theory]
    [MemberData(nameof(Models))]
    public unsafe void Embedding_rows_are_the_reference_s_first_hidden_states(string name)
    {
        string folder = RepositoryFiles.Fixture("models", name);
        using LoadedModel model = HuggingFaceFolder.Load(folder);
        using SafetensorsFile expected = SafetensorsFile.Open(Path.Combine(folder, "expected.safetensors"));
        using JsonDocument input = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "input.json")));
        float[] states = expected.ReadFloats("hidden_states");
        int hidden = model.Config.HiddenSize;
        int row = 0;
        foreach (JsonElement position in input.RootElement.GetProperty("hidden_states_rows").EnumerateArray())
        {
            int token = input.RootElement.GetProperty("input_ids")[position.GetInt32()].GetInt32();
            for (int i = 0; i < hidden; i++)
                Assert.Equal(states[row * hidden + i], Element(model.Weights.Embedding, token * hidden + i), 1e-6f);
            row++;
        }

        Assert.Equal(expected["hidden_states"].Shape[1], row);
    }

    [Fact]
    public void The_demo_model_loads_with_its_generation_settings()
    {
        using LoadedModel model = HuggingFaceFolder.Load(RepositoryFiles.DemoModel);
        Assert.Equal([1277], model.Generation.EosTokenIds);
        Assert.Equal(4096, model.Generation.MaxLength);
        Assert.False(model.Generation.DoSample);
        Assert.Null(model.Generation.Temperature);
        Assert.Equal(1276, model.Config.BosTokenId);
        Assert.Equal(ElementType.BF16, model.Weights.Head.Type);
    }

    [Fact]
    public void A_snapshot_of_symbolic_links_loads_under_its_repository_s_name()
    {
        using TemporaryFolder cache = new();
        string snapshot = Path.Combine(cache.Path, "models--some-org--tiny--llama", "snapshots", "0a1b2c");
        _ = Directory.CreateDirectory(snapshot);
        foreach (string file in Directory.GetFiles(RepositoryFiles.Fixture("models", "llama-gqa-llama3")))
            _ = File.CreateSymbolicLink(Path.Combine(snapshot, Path.GetFileName(file)), file);
        using LoadedModel model = HuggingFaceFolder.Load(snapshot + Path.DirectorySeparatorChar);
        Assert.Equal("some-org/tiny/llama", model.Name);
        Assert.Equal(2, model.Weights.Layers.Count);
    }

    private static unsafe float Element(WeightTensor weight, int index) => weight.Type == ElementType.F32
        ? ((float*)weight.Data)[index]
        : BitConverter.UInt32BitsToSingle((uint)((ushort*)weight.Data)[index] << 16);

    private static void AssertShape(int rows, int columns, WeightTensor weight) =>
        Assert.Equal((rows, columns), (weight.Rows, weight.Columns));
}
