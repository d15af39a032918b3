using System.Text.Json.Nodes;
using MoA.Engine.Files;
using MoA.Engine.Models.Loading;
using MoA.Engine.Numerics;
using MoA.Tests;

namespace MoA.Engine.Tests.Models.Loading;

/// <summary>
/// Checkpoints with one fault each, made from a fixture, are refused with the file and the fault named.
/// </summary>
public sealed class HuggingFaceFaultTests
{
    private const string WeightsFile = "model.safetensors";
    private const string IndexFile = "model.safetensors.index.json";
    private const string Down = "model.layers.1.mlp.down_proj.weight";

    [Fact]
    public void Folders_that_are_none_or_hold_nothing_are_refused()
    {
        using TemporaryFolder folder = new();
        Refusal.AssertThrows(folder.File("none"), "there is no such folder", () =>
            HuggingFaceFolder.Load(folder.File("none")));
        string file = folder.Write("file", "");
        Refusal.AssertThrows(file, "is a file; expected a folder", () => HuggingFaceFolder.Load(file));
        Refusal.AssertThrows(folder.File("config.json"), "no such file", () => HuggingFaceFolder.Load(folder.Path));
        CopyFixture("llama-mha", folder);
        File.Delete(folder.File(WeightsFile));
        Refusal.AssertThrows(folder.Path, "has no weights; expected model.safetensors", () =>
            HuggingFaceFolder.Load(folder.Path));
        _ = folder.Write("pytorch_model.bin", "");
        Refusal.AssertThrows(folder.File("pytorch_model.bin"), "truncated: has 0 bytes", () => HuggingFaceFolder.Load(folder.Path));
        string empty = folder.Write(WeightsFile, "");
        Refusal.AssertThrows(empty, "truncated: has 0 bytes", () => HuggingFaceFolder.Load(folder.Path));
    }

    [Fact]
    public void A_missing_tensor_is_named() => AssertRefused(
        tensors => tensors.Remove(Down), $"has no tensor {Down}, which the model's config.json calls for");

    [Fact]
    public void An_untied_model_needs_its_head() => AssertRefused(
        tensors => tensors.Remove("lm_head.weight"), "has no tensor lm_head.weight");

    [Fact]
    public void A_wrong_shape_is_named_beside_the_right_one() => AssertRefused(
        tensors => tensors[Down] = tensors[Down] with { Shape = [128, 64] },
        $"tensor {Down} has shape [128, 64]; expected [64, 128] by config.json");

    [Fact]
    public void A_vector_is_not_a_matrix_of_one_row() => AssertRefused(
        tensors => tensors["model.norm.weight"] = tensors["model.norm.weight"] with { Shape = [1, 64] },
        "tensor model.norm.weight has shape [1, 64]; expected [64] by config.json");

    [Fact]
    public void A_wrong_dtype_is_named() => AssertRefused(
        tensors => tensors[Down] = tensors[Down] with { DType = "I32" },
        $"tensor {Down} is I32; expected F32, F16 or BF16");

    [Theory]
    [InlineData("F32", new byte[] { 0, 0, 0xC0, 0x7F })]
    [InlineData("F32", new byte[] { 0, 0, 0x80, 0xFF })]
    [InlineData("BF16", new byte[] { 0x80, 0x7F })]
    [InlineData("BF16", new byte[] { 0x81, 0xFF })]
    [InlineData("F16", new byte[] { 0, 0xFC })]
    [InlineData("F16", new byte[] { 1, 0x7C })]
    public void A_weight_that_is_not_finite_is_named_with_its_place(string dType, byte[] number) => AssertRefused(
        tensors =>
        {
            byte[] data = new byte[64 * 128 * number.Length];
            number.CopyTo(data, (17 * 128 + 100) * number.Length);
            tensors[Down] = new Tensor(dType, [64, 128], data);
        },
        $"tensor {Down} holds NaN or infinity at row 17, column 100; expected finite numbers");

    [Fact]
    public void Tensors_that_the_model_does_not_need_are_ignored()
    {
        using TemporaryFolder folder = new();
        CopyFixture("llama-mha", folder, tensors =>
            tensors["model.layers.0.self_attn.rotary_emb.inv_freq"] = new Tensor("F32", [1], [0, 0, 0xC0, 0x7F]));
        using LoadedModel model = HuggingFaceFolder.Load(folder.Path);
        Assert.Equal(2, model.Weights.Layers.Count);
    }

    /// <summary>The types of the safetensors library that no weight has, with the bytes of 8 elements.</summary>
    [Theory]
    [InlineData("BOOL", 8)]
    [InlineData("F4", 4)]
    [InlineData("F6_E2M3", 6)]
    [InlineData("F6_E3M2", 6)]
    [InlineData("U8", 8)]
    [InlineData("I8", 8)]
    [InlineData("F8_E5M2", 8)]
    [InlineData("F8_E4M3", 8)]
    [InlineData("F8_E8M0", 8)]
    [InlineData("F8_E4M3FNUZ", 8)]
    [InlineData("F8_E5M2FNUZ", 8)]
    [InlineData("I16", 16)]
    [InlineData("U16", 16)]
    [InlineData("I32", 32)]
    [InlineData("U32", 32)]
    [InlineData("C64", 64)]
    [InlineData("F64", 64)]
    [InlineData("I64", 64)]
    [InlineData("U64", 64)]
    public void A_tensor_may_be_of_any_type_until_it_is_needed(string dType, int bytes)
    {
        using (TemporaryFolder folder = new())
        {
            CopyFixture("llama-mha", folder, tensors => tensors["freqs_cis"] = new Tensor(dType, [2, 4], new byte[bytes]));
            using LoadedModel model = HuggingFaceFolder.Load(folder.Path);
            Assert.Equal(2, model.Weights.Layers.Count);
        }

        AssertRefused(
            tensors => tensors[Down] = new Tensor(dType, [64, 128], new byte[64 * 128 / 8 * bytes]),
            $"tensor {Down} is {dType}; expected F32, F16 or BF16");
    }

    [Fact]
    public void A_type_that_nobody_knows_yet_is_in_the_way_only_where_it_is_needed()
    {
        using TemporaryFolder folder = new();
        CopyFixture("llama-mha", folder, tensors => tensors["extra"] = new Tensor("U64", [3], new byte[24]));
        RenameType("U64", "Q9X");
        using (LoadedModel model = HuggingFaceFolder.Load(folder.Path))
            Assert.Equal(2, model.Weights.Layers.Count);
        RenameType("F32", "Q9X");
        Refusal.AssertThrows(folder.File(WeightsFile), "tensor model.embed_tokens.weight is Q9X; expected F32, F16 or BF16",
            () => HuggingFaceFolder.Load(folder.Path));

        void RenameType(string from, string to)
        {
            byte[] file = File.ReadAllBytes(folder.File(WeightsFile));
            int header = (int)BitConverter.ToInt64(file);
            string text = System.Text.Encoding.UTF8.GetString(file, 8, header).Replace($"\"{from}\"", $"\"{to}\"", StringComparison.Ordinal);
            System.Text.Encoding.UTF8.GetBytes(text).CopyTo(file, 8);
            File.WriteAllBytes(folder.File(WeightsFile), file);
        }
    }

    /// <summary>A file saved from LlamaModel rather than LlamaForCausalLM.</summary>
    [Fact]
    public unsafe void Names_may_lack_the_prefix_of_the_model_with_a_head()
    {
        using TemporaryFolder folder = new(), bare = new();
        CopyFixture("llama-mha", folder);
        CopyFixture("llama-mha", bare, tensors =>
        {
            foreach (string name in tensors.Keys.Where(name => name.StartsWith("model.", StringComparison.Ordinal)).ToArray())
            {
                _ = tensors.Remove(name, out Tensor? tensor);
                tensors.Add(name["model.".Length..], tensor!);
            }
        });
        using (LoadedModel whole = HuggingFaceFolder.Load(folder.Path))
        using (LoadedModel model = HuggingFaceFolder.Load(bare.Path))
        {
            foreach ((WeightTensor expected, WeightTensor actual) in whole.Weights.All.Zip(model.Weights.All))
            {
                Assert.True(new ReadOnlySpan<byte>(expected.Data, (int)expected.Bytes)
                    .SequenceEqual(new ReadOnlySpan<byte>(actual.Data, (int)actual.Bytes)), expected.Name);
            }
        }

        AssertRefused(
            tensors =>
            {
                foreach (string name in tensors.Keys.ToArray())
                {
                    _ = tensors.Remove(name, out Tensor? tensor);
                    if (name != "lm_head.weight")
                        tensors.Add(name["model.".Length..], tensor!);
                }
            },
            "has no tensor lm_head.weight");
    }

    [Theory]
    [InlineData("language_model.model.", "language_model.")]
    [InlineData("model.language_model.", "")]
    public void The_text_model_of_one_that_takes_images_is_found(string prefix, string headPrefix)
    {
        using TemporaryFolder folder = new();
        CopyFixture("llama-mha", folder, tensors =>
        {
            foreach (string name in tensors.Keys.ToArray())
            {
                _ = tensors.Remove(name, out Tensor? tensor);
                tensors.Add(name == "lm_head.weight" ? headPrefix + name : prefix + name["model.".Length..], tensor!);
            }
        });
        using LoadedModel model = HuggingFaceFolder.Load(folder.Path), same = HuggingFaceFolder.Load(RepositoryFiles.Fixture("models", "llama-mha"));
        Assert.All(model.Weights.All.Zip(same.Weights.All), pair => Assert.Equal(Bytes(pair.Second), Bytes(pair.First)));

        static unsafe byte[] Bytes(WeightTensor weight) => new ReadOnlySpan<byte>(weight.Data, (int)weight.Bytes).ToArray();
    }

    [Fact]
    public void Every_bias_is_found_where_there_is_one()
    {
        using TemporaryFolder folder = new();
        CopyFixture("llama-mha", folder, tensors =>
        {
            string[] modules =
                ["self_attn.q_proj", "self_attn.o_proj", "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"];
            foreach (string module in modules)
            {
                long outputs = tensors[$"model.layers.0.{module}.weight"].Shape[0];
                tensors[$"model.layers.0.{module}.bias"] = new Tensor("F32", [outputs], new byte[outputs * 4]);
            }
        });
        using LoadedModel model = HuggingFaceFolder.Load(folder.Path);
        var biased = model.Weights.Layers[0];
        Assert.Equal([64, 64, 128, 128, 64], new[]
        {
            biased.QueryBias, biased.OutputBias, biased.FeedForward[0].GateBias, biased.FeedForward[0].UpBias, biased.FeedForward[0].DownBias,
        }.Select(bias => bias!.Columns));
        Assert.Null(biased.KeyBias);
        Assert.Null(model.Weights.Layers[1].QueryBias);
    }

    [Fact]
    public void A_tied_model_may_still_hold_a_head_which_is_not_used()
    {
        using TemporaryFolder folder = new();
        CopyFixture("llama-mha", folder);
        string config = File.ReadAllText(folder.File("config.json"));
        _ = folder.Write("config.json",
            config.Replace("\"tie_word_embeddings\": false", "\"tie_word_embeddings\": true",
                StringComparison.Ordinal));
        using LoadedModel model = HuggingFaceFolder.Load(folder.Path);
        Assert.Same(model.Weights.Embedding, model.Weights.Head);
    }

    [Fact]
    public void A_missing_shard_is_named()
    {
        using TemporaryFolder folder = new();
        CopyFixture("llama-gqa-llama3", folder);
        string shard = folder.File("model-00002-of-00002.safetensors");
        File.Delete(shard);
        Refusal.AssertThrows(shard, "there is no such file, but model.safetensors.index.json names it",
            () => HuggingFaceFolder.Load(folder.Path));
    }

    [Fact]
    public void A_tensor_that_is_not_in_its_shard_is_named()
    {
        using TemporaryFolder folder = new();
        CopyFixture("llama-gqa-llama3", folder);
        EditIndex(folder, map => map["model.norm.weight"] = "model-00001-of-00002.safetensors");
        Refusal.AssertThrows(folder.File("model-00001-of-00002.safetensors"),
            "has no tensor model.norm.weight, which model.safetensors.index.json says is here",
            () => HuggingFaceFolder.Load(folder.Path));
    }

    [Theory]
    [InlineData("../model-00001-of-00002.safetensors")]
    [InlineData("/etc/model.safetensors")]
    [InlineData("C:\\model.safetensors")]
    [InlineData("sub\\model.safetensors")]
    [InlineData("model\0.safetensors")]
    [InlineData("..")]
    [InlineData("")]
    public void A_shard_outside_the_folder_is_refused(string shard)
    {
        using TemporaryFolder folder = new();
        CopyFixture("llama-gqa-llama3", folder);
        EditIndex(folder, map => map["model.norm.weight"] = shard);
        Refusal.AssertThrows(folder.File(IndexFile),
            "expected the name of a .safetensors file in the same folder", () => HuggingFaceFolder.Load(folder.Path));
    }

    [Theory]
    [InlineData("{}", "\"weight_map\" is missing")]
    [InlineData("{\"weight_map\": []}", "\"weight_map\" is a list; expected an object")]
    [InlineData("{\"weight_map\": {\"a\": 1}}", "\"weight_map.a\" is 1; expected the name")]
    [InlineData("{\"weight_map\": {\"a\": \"a.safetensors\", \"a\": \"b.safetensors\"}}", "uplicate")]
    [InlineData("{\"weight_map\": {}}", "has no tensor model.embed_tokens.weight")]
    [InlineData("", "not valid JSON")]
    public void A_bad_index_is_refused(string index, string problem)
    {
        using TemporaryFolder folder = new();
        CopyFixture("llama-gqa-llama3", folder);
        string path = folder.Write(IndexFile, index);
        Refusal.AssertThrows(path, problem, () => HuggingFaceFolder.Load(folder.Path));
    }

    private static void AssertRefused(Action<Dictionary<string, Tensor>> spoil, string problem)
    {
        using TemporaryFolder folder = new();
        CopyFixture("llama-mha", folder, spoil);
        Refusal.AssertThrows(folder.File(WeightsFile), problem, () => HuggingFaceFolder.Load(folder.Path));
    }

    private static void EditIndex(TemporaryFolder folder, Action<JsonNode> edit)
    {
        JsonNode index = JsonNode.Parse(File.ReadAllText(folder.File(IndexFile)))!;
        edit(index["weight_map"]!);
        _ = folder.Write(IndexFile, index.ToJsonString());
    }

    private static unsafe void CopyFixture(
        string name, TemporaryFolder folder, Action<Dictionary<string, Tensor>>? change = null)
    {
        foreach (string path in Directory.GetFiles(RepositoryFiles.Fixture("models", name)))
            File.Copy(path, folder.File(Path.GetFileName(path)));
        if (change is null)
            return;
        Dictionary<string, Tensor> tensors = [];
        using (SafetensorsFile file = SafetensorsFile.Open(folder.File(WeightsFile)))
        {
            foreach (string tensor in file.Names)
            {
                SafetensorsEntry entry = file[tensor];
                tensors[tensor] = new Tensor(
                    entry.DType, entry.Shape, new ReadOnlySpan<byte>(entry.Data, (int)entry.Length).ToArray());
            }
        }

        change(tensors);
        SafetensorsWriter.Write(folder.File(WeightsFile), null, tensors.Select(tensor =>
            (tensor.Key, tensor.Value.DType, tensor.Value.Shape, (ReadOnlyMemory<byte>)tensor.Value.Data)));
    }

    private sealed record Tensor(string DType, long[] Shape, byte[] Data);
}
