using System.Globalization;
using MoA.Engine.Attention;
using MoA.Engine.Files;
using MoA.Engine.Kernels;
using MoA.Engine.KvCache;
using MoA.Engine.Models;
using MoA.Engine.Models.Loading;
using MoA.Engine.Numerics;
using MoA.Tests;

namespace MoA.Engine.Tests.Models.Loading;

/// <summary>The ways in which GGUF files have experts: what llama.cpp writes today stacks them, and there are others.</summary>
public sealed class ExpertLayoutTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>A tensor for each expert, as files of Mixtral had them until April 2024, and gates and ups as one: the same bits come out.</summary>
    [Theory]
    [InlineData("mixtral", null, true)]
    [InlineData("mixtral", ElementType.Q8_0, true)]
    [InlineData("mixtral", ElementType.F16, false)]
    [InlineData("qwen3-moe", null, false)]
    [InlineData("qwen3-moe", ElementType.Q8_0, true)]
    public void Layouts_give_the_same_bits(string fixture, ElementType? type, bool isApart)
    {
        string stacked = Convert(RepositoryFiles.Fixture("models", fixture), "stacked.gguf", type);
        string other = Rewrite(stacked, isApart ? Apart : Fused);
        using LoadedModel first = GgufModel.Load(stacked), second = GgufModel.Load(other);
        Assert.Equal(first.Weights.Parameters, second.Weights.Parameters);
        Assert.Equal(Logits(first), Logits(second));
        ModelSurvey survey = ModelSurvey.Read(other);
        Assert.True(survey.IsSupported);
        Assert.Equal(first.Weights.ActiveParameters(first.Config), survey.ActiveParameters);

        // Written again they are stacked.
        using GgufFile whole = GgufFile.Open(stacked), again = GgufFile.Open(Convert(other, "again.gguf", null));
        Assert.Equal(whole.Tensors.Select(tensor => (tensor.Name, tensor.TypeCode)), again.Tensors.Select(tensor => (tensor.Name, tensor.TypeCode)));
        Assert.All(whole.Tensors.Zip(again.Tensors), pair => Assert.Equal(Bytes(whole, pair.First), Bytes(again, pair.Second)));
    }

    /// <summary>Some experts there and some not, of a size that the metadata does not give, and biases that nobody knows how to find.</summary>
    [Theory]
    [InlineData("mixtral", "blk.1.ffn_up.5.weight", "has no tensor blk.1.ffn_up.5.weight, which the model needs")]
    [InlineData("mixtral", "blk.0.ffn_gate.0.weight", "has no tensor blk.0.ffn_gate_exps.weight, which the model needs")]
    [InlineData("mixtral", "blk.1.ffn_gate_inp.weight", "has no tensor blk.1.ffn_gate.weight, which the model needs")]
    [InlineData("gpt-oss", "blk.0.ffn_gate_exps.weight", "has no tensor blk.0.ffn_gate_exps.weight, which the model needs")]
    public void Missing_experts_are_named(string fixture, string missing, string problem)
    {
        string stacked = Convert(RepositoryFiles.Fixture("models", fixture), "stacked.gguf", null);
        string path = Rewrite(stacked, (file, tensor) => (fixture == "gpt-oss" ? Fused(file, tensor) : Apart(file, tensor)).Where(part => part.Name != missing));
        Refusal.AssertThrows(path, problem, () => GgufModel.Load(path));
    }

    private string Convert(string path, string file, ElementType? type) => GgufConverter.Convert(path, _folder.File(file), type).File;

    private static IEnumerable<(string Name, long[] Shape, byte[] Data)> Apart(GgufFile file, GgufTensor tensor)
    {
        byte[] bytes = Bytes(file, tensor);
        if (!IsOfExperts(tensor))
            return [(tensor.Name, tensor.Shape, bytes)];
        int each = bytes.Length / (int)tensor.Shape[0];
        return bytes.Chunk(each).Select((own, expert) => (
            tensor.Name.Replace("_exps.", string.Create(CultureInfo.InvariantCulture, $".{expert}."), StringComparison.Ordinal), tensor.Shape[1..], own));
    }

    private static IEnumerable<(string Name, long[] Shape, byte[] Data)> Fused(GgufFile file, GgufTensor tensor)
    {
        if (!IsOfExperts(tensor) || tensor.Name.Contains("down", StringComparison.Ordinal))
            return [(tensor.Name, tensor.Shape, Bytes(file, tensor))];
        if (tensor.Name.Contains("up", StringComparison.Ordinal))
            return [];
        GgufTensor up = file.Tensors.Single(other => other.Name == tensor.Name.Replace("gate", "up", StringComparison.Ordinal));
        int each = (int)(tensor.Bytes / tensor.Shape[0]);
        byte[] both = [.. Bytes(file, tensor).Chunk(each).Zip(Bytes(file, up).Chunk(each), (gate, up) => gate.Concat(up)).SelectMany(expert => expert)];
        return [(tensor.Name.Replace("gate", "gate_up", StringComparison.Ordinal), [tensor.Shape[0], 2 * tensor.Shape[1], tensor.Shape[2]], both)];
    }

    private static bool IsOfExperts(GgufTensor tensor) => tensor.Name.EndsWith("_exps.weight", StringComparison.Ordinal);

    /// <summary>The same metadata, and of each tensor what is made of it.</summary>
    private string Rewrite(string path, Func<GgufFile, GgufTensor, IEnumerable<(string Name, long[] Shape, byte[] Data)>> parts)
    {
        using GgufFile file = GgufFile.Open(path);
        GgufWriter writer = new();
        foreach (string key in file.Metadata.Keys)
            writer.Copy(key, file.Metadata[key]);
        foreach (GgufTensor tensor in file.Tensors)
        {
            foreach ((string name, long[] shape, byte[] data) in parts(file, tensor))
                writer.AddTensor(name, tensor.Type!.Value, shape, to => to.Write(data));
        }

        string rewritten = _folder.File("rewritten.gguf");
        writer.Write(rewritten, null);
        return rewritten;
    }

    private static unsafe byte[] Bytes(GgufFile file, GgufTensor tensor) => new ReadOnlySpan<byte>(file.DataOf(tensor), (int)tensor.Bytes).ToArray();

    private static float[][] Logits(LoadedModel model)
    {
        using ComputeBackend backend = ComputeBackend.CreateCpu(2);
        using Transformer transformer = new(model, backend);
        return [Run(40, AttentionMode.Prefill), Run(1, AttentionMode.Decode)];

        float[] Run(int chunk, AttentionMode mode)
        {
            using SequenceCache sequence = transformer.CreateSequence(new DensePolicy(), 40, ElementType.F32);
            return ModelFixture.Run(transformer, sequence, [.. Enumerable.Range(0, 40).Select(i => i * i % 100 + 3)], chunk, mode);
        }
    }
}
