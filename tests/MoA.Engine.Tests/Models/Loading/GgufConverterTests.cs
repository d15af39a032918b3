using MoA.Engine;
using MoA.Engine.Attention;
using MoA.Engine.Configuration;
using MoA.Engine.Files;
using MoA.Engine.Kernels;
using MoA.Engine.KvCache;
using MoA.Engine.Models;
using MoA.Engine.Models.Loading;
using MoA.Engine.Numerics;
using MoA.Engine.Tests.Files;
using MoA.Engine.Tests.Models;
using MoA.Tests;

namespace MoA.Engine.Tests.Models.Loading;

/// <summary>
/// Reference models written as GGUF files and read again give the reference logits: names, orders of rows, constants and
/// formats are right on both ways.
/// </summary>
public sealed class GgufConverterTests
{
    // Dynamic scaling is what GGUF has no word for.
    public static TheoryData<string> Fixtures => [.. ModelFixture.Names.Where(name => name != "llama-dynamic")];

    [Theory]
    [MemberData(nameof(Fixtures))]
    public void A_converted_model_gives_the_reference_logits(string name)
    {
        using TemporaryFolder folder = new();
        ConversionResult result = Convert(name, folder.File("model.gguf"), null);
        Assert.Empty(result.Fallbacks);
        Assert.Equal(new FileInfo(result.File).Length, result.Bytes);
        Assert.InRange(Error(name, result.File), 0, 1e-4);
    }

    /// <summary>What GGUF has keys and tensors for comes back as it was, and the blend of yarn that it has no key for as divisors.</summary>
    [Fact]
    public void Kinds_of_rope_survive()
    {
        using TemporaryFolder folder = new();
        ModelConfig shape = ModelShape.Parse("hidden=64,layers=2,heads=2,vocabulary=400") with { MaxPositions = 512 };
        foreach (RopeScaling scaling in new RopeScaling[]
        {
            new RopeScaling.Linear(3), new RopeScaling.Llama3(8, 1, 4, 64), new RopeScaling.Yarn(4, 128, 1.25, 16, 2), new RopeScaling.Yarn(4, 128, 0.9, Truncates: false),
            new RopeScaling.LongRope([.. Enumerable.Repeat(1.5f, 8)], [.. Enumerable.Repeat(2.5f, 8)], 128, 1.19), new RopeScaling.Factors([.. Enumerable.Repeat(1.5f, 8)], 1.5),
        })
        {
            ModelConfig config = (shape with
            {
                Architecture = ModelFamily.Named("Qwen2"),
                RopePairs = RopePairs.Halves,
                RotaryDimensions = 16,
            }).WithLayers((layer, index) => index == 0
                ? layer with { Window = 64, Rope = new RopeSettings(700, new RopeScaling.None()) }
                : layer with { Rope = new RopeSettings(10_000, scaling) });
            _ = RandomModel.Write(folder.File("model.gguf"), config, ElementType.F32, "kinds");
            ModelConfig read = ModelFile.ReadConfig(folder.File("model.gguf"));
            foreach (int length in new[] { 100, 400 })
            {
                Assert.All(Transformer.RopeFrequencies(config, config.Rope!, length).Zip(Transformer.RopeFrequencies(read, read.Rope!, length)),
                    pair => Assert.Equal(1, pair.Second / pair.First, 1e-6));
            }

            Assert.Equal(scaling.AttentionFactor, read.Rope!.Scaling.AttentionFactor, 1e-6);
            Assert.Equal((16, config.SlidingRope), (read.RotaryDimensions, read.SlidingRope));
        }
    }

    [Fact]
    public void What_GGUF_cannot_say_is_said()
    {
        using TemporaryFolder folder = new();
        Assert.Contains("GGUF has no dynamic RoPE scaling; from the file, texts beyond 64 tokens are read without it",
            Convert("llama-dynamic", folder.File("model.gguf"), null).Notes);
    }

    /// <summary>Files would be of other models.</summary>
    [Theory]
    [InlineData("smollm3", "\"no_rope_layers\": [", "\"no_rope_layers\": [0, 1, 1, 1], \"_\": [", "other layers without RoPE than every fourth, which GGUF cannot say for SmolLM3")]
    [InlineData("gemma2", "\"attn_logit_softcapping\": 8.0", "\"attn_logit_softcapping\": null", "a Gemma 2 without soft caps")]
    [InlineData("granite", "\"hidden_act\": \"silu\"", "\"hidden_act\": \"gelu_pytorch_tanh\"", "the activation GeluTanh, which GGUF cannot say for Granite")]
    public void Models_that_GGUF_cannot_say_are_refused(string name, string old, string changed, string problem)
    {
        using TemporaryFolder folder = new();
        string fixture = RepositoryFiles.Fixture("models", name), config = File.ReadAllText(Path.Combine(fixture, "config.json"));
        File.Copy(Path.Combine(fixture, "model.safetensors"), folder.File("model.safetensors"));
        Assert.Contains(old, config, StringComparison.Ordinal);
        folder.Write("config.json", config.Replace(old, changed, StringComparison.Ordinal));
        Refusal.AssertThrows(folder.Path, problem, () => GgufConverter.Convert(folder.Path, folder.File("model.gguf"), null));
        Assert.False(File.Exists(folder.File("model.gguf")));
    }

    [Theory]
    [MemberData(nameof(Fixtures))]
    public void Shape_and_constants_survive(string name)
    {
        using TemporaryFolder folder = new();
        using ModelFixture fixture = ModelFixture.Load(name);
        using LoadedModel read = GgufModel.Load(Convert(name, folder.File("model.gguf"), null).File);
        ModelConfig expected = fixture.Model.Config;
        Assert.Equal(expected.Rope!.Theta, read.Config.Rope!.Theta, 1e-3);
        Assert.Equal(expected.RmsNormEpsilon, read.Config.RmsNormEpsilon, 1e-12);
        Assert.Equal(expected.LayerDescriptions.Select(AsWritten), read.Config.LayerDescriptions.Select(AsWritten));
        Assert.Equal(expected.SlidingRope, read.Config.SlidingRope);
        Assert.All(Transformer.RopeFrequencies(expected, expected.Rope!).Zip(Transformer.RopeFrequencies(read.Config, read.Config.Rope!)),
            pair => Assert.Equal(1, pair.Second / pair.First, 1e-6));
        Assert.Equal(name, read.Name);
        ModelConfig same = read.Config with
        {
            LayerDescriptions = expected.LayerDescriptions,
            RmsNormEpsilon = expected.RmsNormEpsilon,
            RopePairs = expected.RopePairs,
            EosTokenIds = expected.EosTokenIds,
        };
        Assert.Equal(expected, same);
        Assert.Equal(expected.EosTokenIds, read.Config.EosTokenIds);

        // Numbers of GGUF are F32; RoPE is compared by its frequencies.
        static LayerDescription AsWritten(LayerDescription layer) => layer with { Rope = null, AttentionScale = (float?)layer.AttentionScale };
    }

    [Fact]
    public void The_penalty_on_repetition_survives()
    {
        using TemporaryFolder folder = new();
        string model = Directory.CreateDirectory(folder.File("model")).FullName;
        foreach (string path in Directory.EnumerateFiles(RepositoryFiles.Fixture("models", "llama-mha")))
            File.Copy(path, Path.Combine(model, Path.GetFileName(path)));
        File.WriteAllText(Path.Combine(model, GenerationConfig.FileName), "{\"repetition_penalty\": 1.5, \"presence_penalty\": 1}");
        ConversionResult result = GgufConverter.Convert(model, folder.File("model.gguf"), null);
        Assert.Equal(["GGUF has no key for the model's presence_penalty; give it as an option where the file is run"], result.Notes);
        using LoadedModel read = GgufModel.Load(result.File);
        Assert.Equal((1.5, null), (read.Generation.RepetitionPenalty, read.Generation.PenaltyLastN)); // over all tokens, as transformers has it
    }

    /// <summary>The error of the logits that each format may cause, from its bits; rows of 64 and 128 hold no blocks of 256.</summary>
    [Theory]
    [InlineData(ElementType.F32, 1e-4)]
    [InlineData(ElementType.F16, 1e-3)]
    [InlineData(ElementType.BF16, 0.03)]
    [InlineData(ElementType.Q8_0, 0.05)]
    [InlineData(ElementType.Q4_K, 0.05)]
    public void Formats_keep_the_logits_near(ElementType type, double error)
    {
        using TemporaryFolder folder = new();
        ConversionResult result = Convert("llama-mha", folder.File("model.gguf"), type);
        Assert.InRange(Error("llama-mha", result.File), 0, error);
        ElementType expected = type == ElementType.Q4_K ? ElementType.Q8_0 : type;
        using LoadedModel read = GgufModel.Load(result.File);
        Assert.All(read.Weights.All, weight => Assert.Equal(weight.Rows == 1 ? ElementType.F32 : expected, weight.Type));
        Assert.Equal(type == expected ? 0 : result.Tensors[ElementType.Q8_0], result.Fallbacks.Count);
        Assert.All(result.Fallbacks, fallback => Assert.Equal(ElementType.Q8_0, fallback.Type));
    }

    [Fact]
    public void A_gguf_file_is_converted_as_its_source_is()
    {
        using TemporaryFolder folder = new();
        string exact = Convert("llama-gqa-llama3", folder.File("f32.gguf"), ElementType.F32).File;
        string direct = Convert("llama-gqa-llama3", folder.File("direct.gguf"), ElementType.Q8_0).File;
        string again = GgufConverter.Convert(exact, folder.File("again.gguf"), ElementType.Q8_0).File;
        using GgufFile a = GgufFile.Open(direct), b = GgufFile.Open(again);
        Assert.Equal(a.Metadata.Keys.Order(), b.Metadata.Keys.Order());
        foreach (string key in a.Metadata.Keys)
            Assert.True(a.Metadata[key].Raw.SequenceEqual(b.Metadata[key].Raw), key);
        AssertSameTensors(a, b);
    }

    [Fact]
    public void Threads_do_not_matter()
    {
        using TemporaryFolder folder = new();
        string source = RepositoryFiles.DemoModel;
        byte[] one = File.ReadAllBytes(GgufConverter.Convert(source, folder.File("1.gguf"), ElementType.Q4_0, threads: 1).File);
        byte[] four = File.ReadAllBytes(GgufConverter.Convert(source, folder.File("4.gguf"), ElementType.Q4_0, threads: 4).File);
        Assert.Equal(one, four);
    }

    [Fact]
    public void A_model_is_not_written_over_itself()
    {
        using TemporaryFolder folder = new();
        string file = Convert("llama-mha", folder.File("model.gguf"), null).File;
        byte[] before = File.ReadAllBytes(file);
        File.CreateSymbolicLink(folder.File("link.gguf"), file);
        foreach ((string from, string to) in new[] { (file, file), (folder.File("link.gguf"), file), (file, folder.File("link.gguf")) })
        {
            Refusal.AssertThrows(to, "is part of the model that is to be converted", () => GgufConverter.Convert(from, to, ElementType.Q8_0));
            Assert.Equal(before, File.ReadAllBytes(file));
        }
    }

    [Fact]
    public void A_cancelled_conversion_leaves_nothing()
    {
        using TemporaryFolder folder = new();
        using CancellationTokenSource stop = new();
        string file = folder.File("model.gguf");
        Assert.ThrowsAny<OperationCanceledException>(() => GgufConverter.Convert(
            RepositoryFiles.DemoModel, file, ElementType.Q8_0, progress: _ => stop.Cancel(), cancellation: stop.Token));
        Assert.Empty(Directory.EnumerateFiles(folder.Path));
    }

    [Fact]
    public void Numbers_beyond_a_format_are_refused()
    {
        using TemporaryFolder folder = new();
        string source = folder.Write("source.gguf", TinyGguf.Create(tensors => tensors["blk.0.ffn_up.weight"][37] = 1e5f).Build());
        string message = Assert.Throws<InvalidInputException>(() =>
            GgufConverter.Convert(source, folder.File("f16.gguf"), ElementType.F16)).Message;
        Assert.Contains("tensor blk.0.ffn_up.weight has a number in row 1 that is beyond the range of f16", message, StringComparison.Ordinal);
        Assert.Equal(["source.gguf"], Directory.EnumerateFiles(folder.Path).Select(Path.GetFileName));
    }

    [Fact]
    public void Parts_are_found_from_any_of_them()
    {
        using TemporaryFolder folder = new();
        string whole = Convert("llama-mha", folder.File("whole.gguf"), null).File;
        string[] parts = Split(whole, folder, 3);
        foreach (string part in parts)
            Assert.InRange(Error("llama-mha", part), 0, 1e-4);
        File.Delete(whole);
        Assert.Equal(parts[0], ModelPath.FindGguf(folder.Path));
        File.Move(parts[1], folder.File("elsewhere"));
        Refusal.AssertThrows(parts[1], "there is no such file, but the model has 3 parts", () => GgufModel.Load(parts[0]));
        File.Copy(parts[2], parts[1]);
        Refusal.AssertThrows(parts[1], "says that it is part 3 of 3; expected 2 of 3", () => GgufModel.Load(parts[0]));
        File.Move(parts[2], folder.File("odd.gguf"));
        Refusal.AssertThrows(folder.File("odd.gguf"), "is one of 3 parts of a model", () => GgufModel.Load(folder.File("odd.gguf")));
    }

    [Fact]
    public void A_folder_may_hold_one_gguf_file()
    {
        using TemporaryFolder folder = new();
        string file = Convert("llama-mha", folder.File("a.gguf"), null).File;
        using (LoadedModel model = ModelFile.Load(folder.Path))
            Assert.Equal("llama-mha", model.Name);
        File.Copy(file, folder.File("b.gguf"));
        Refusal.AssertThrows(folder.Path, "holds 2 GGUF files and no config.json", () => ModelFile.Load(folder.Path));
        Refusal.AssertThrows(folder.File("c.gguf"), "there is no such file", () => ModelFile.Load(folder.File("c.gguf")));
    }

    private static ConversionResult Convert(string fixture, string file, ElementType? type) =>
        GgufConverter.Convert(RepositoryFiles.Fixture("models", fixture), file, type);

    private static double Error(string fixture, string file)
    {
        using ModelFixture expected = ModelFixture.Load(fixture);
        using LoadedModel model = ModelFile.Load(file);
        using ComputeBackend backend = ComputeBackend.CreateCpu(1);
        using Transformer transformer = new(model, backend);
        using SequenceCache sequence = transformer.CreateSequence(new DensePolicy(), expected.Tokens.Length, ElementType.F32);
        float[] logits = ModelFixture.Run(transformer, sequence, expected.Tokens, 64, AttentionMode.Prefill);
        return ModelFixture.RelativeError(logits, expected.Logits);
    }

    private static unsafe void AssertSameTensors(GgufFile a, GgufFile b)
    {
        Assert.Equal(a.Tensors.Select(tensor => tensor.Name), b.Tensors.Select(tensor => tensor.Name));
        foreach ((GgufTensor left, GgufTensor right) in a.Tensors.Zip(b.Tensors))
        {
            Assert.Equal(left.Type, right.Type);
            Assert.True(new ReadOnlySpan<byte>(a.DataOf(left), (int)left.Bytes)
                .SequenceEqual(new ReadOnlySpan<byte>(b.DataOf(right), (int)right.Bytes)), left.Name);
        }
    }

    // Metadata goes into the first part, tensors into all in turn.
    private static unsafe string[] Split(string whole, TemporaryFolder folder, int count)
    {
        using GgufFile file = GgufFile.Open(whole);
        string[] paths = new string[count];
        for (int part = 0; part < count; part++)
        {
            GgufBytes bytes = new();
            foreach (string key in part == 0 ? file.Metadata.Keys : [])
            {
                GgufValue value = file.Metadata[key];
                bytes.Add(key, value.IsArray ? 9 : (uint)value.Type,
                    [.. value.IsArray ? GgufBytes.Head((uint)value.Type, value.Count) : [], .. value.Raw]);
            }

            bytes.Add("split.no", 2, BitConverter.GetBytes((ushort)part)).Add("split.count", 2, BitConverter.GetBytes((ushort)count));
            for (int i = part; i < file.Tensors.Count; i += count)
            {
                GgufTensor tensor = file.Tensors[i];
                bytes.AddTensor(tensor.Name, tensor.TypeCode, [.. tensor.Shape.Reverse().Select(size => (ulong)size)],
                    new ReadOnlySpan<byte>(file.DataOf(tensor), (int)tensor.Bytes).ToArray());
            }

            paths[part] = folder.Write($"model-{part + 1:D5}-of-{count:D5}.gguf", bytes.Build());
        }

        return paths;
    }
}
