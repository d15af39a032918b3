using MoA.Engine;
using MoA.Engine.Attention;
using MoA.Engine.Configuration;
using MoA.Engine.Kernels;
using MoA.Engine.KvCache;
using MoA.Engine.Models;
using MoA.Engine.Models.Loading;
using MoA.Engine.Numerics;
using MoA.Engine.Tests.Models;
using MoA.Engine.Tokenization;

namespace MoA.Engine.Tests.Models.Loading;

/// <summary>Random models have the shape asked for, numbers of the right size, and the same bytes for the same seed.</summary>
public sealed class RandomModelTests
{
    private const string Shape = "hidden=256,layers=2,heads=4,kv-heads=2,intermediate=512,vocabulary=600,context=512";

    public static TheoryData<ElementType> Types => [.. ElementTypes.All];

    [Theory]
    [MemberData(nameof(Types))]
    public unsafe void Weights_have_mean_0_and_keep_activations_in_size(ElementType type)
    {
        using TemporaryFolder folder = new();
        using LoadedModel model = GgufModel.Load(Write(folder, type, 1));
        // MXFP4's scales are powers of two, and the steps of IQ4 have no middle.
        double spread = type == ElementType.MXFP4 ? 1.42 : 1.02, middle = type is ElementType.IQ4_NL or ElementType.IQ4_XS ? 0.05 : 0.02;
        foreach (WeightTensor weight in new[] { model.Weights.Layers[1].FeedForward[0].Up, model.Weights.Layers[0].FeedForward[0].Down, model.Weights.Head })
        {
            Assert.Equal(type, weight.Type);
            float[] values = new float[weight.Rows * weight.Columns];
            fixed (float* to = values)
                Quantization.Dequantize(type, weight.Data, to, values.Length);
            double mean = values.Average(value => (double)value);
            double deviation = Math.Sqrt(values.Average(value => (value - mean) * (value - mean)));
            double expected = 1 / Math.Sqrt(weight.Columns);
            Assert.InRange(deviation / expected, 1 / spread, spread);
            Assert.InRange(mean / expected, -middle, middle);
        }

        using ComputeBackend backend = ComputeBackend.CreateCpu(1);
        using Transformer transformer = new(model, backend);
        using SequenceCache sequence = transformer.CreateSequence(new DensePolicy(), 32);
        float[] logits = ModelFixture.Run(transformer, sequence, [.. Enumerable.Range(3, 32)], 32, AttentionMode.Prefill);
        Assert.InRange(Math.Sqrt(logits.Average(logit => (double)logit * logit)), 0.5, 2);
    }

    [Fact]
    public void The_seed_alone_decides_the_bytes()
    {
        using TemporaryFolder folder = new();
        byte[] first = File.ReadAllBytes(Write(folder, ElementType.Q4_K, 1, threads: 1));
        Assert.Equal(first, File.ReadAllBytes(Write(folder, ElementType.Q4_K, 1, threads: 3)));
        Assert.NotEqual(first, File.ReadAllBytes(Write(folder, ElementType.Q4_K, 2)));
    }

    [Fact]
    public void The_vocabulary_writes_every_text()
    {
        using TemporaryFolder folder = new();
        Tokenizer tokenizer = Tokenizer.Load(Write(folder, ElementType.Q8_0, 1));
        Assert.Equal(600, tokenizer.VocabularySize);
        Assert.Equal((1, 2), (tokenizer.BosId!.Value, tokenizer.EosId!.Value));
        foreach (string text in new[] { "Hello, world 42!", "Grüße 🙂\n\tx", "aa bb" })
            Assert.Equal(text, tokenizer.Decode(tokenizer.Encode(text, false, false)));
        Assert.Equal(["▁", "aa", "bb"], tokenizer.Encode("aabb", false, false).Select(tokenizer.TokenText));
    }

    [Fact]
    public void Rows_that_hold_no_block_fall_back()
    {
        using TemporaryFolder folder = new();
        ModelConfig shape = ModelShape.Parse("qwen2.5-0.5b,layers=1,vocabulary=400,intermediate=512");
        ConversionResult result = RandomModel.Write(folder.File("q.gguf"), shape, ElementType.Q4_K, "q");
        // Rows of 896 (embedding, q, k, v, output, gate, up) hold no blocks of 256, those of 512 (down) do.
        Assert.Equal((7, 1, 6), (result.Tensors[ElementType.Q8_0], result.Tensors[ElementType.Q4_K], result.Tensors[ElementType.F32]));
        Assert.Equal(7, result.Fallbacks.Count);
        using LoadedModel model = GgufModel.Load(result.File);
        Assert.Equal((ModelFamily.Named("Qwen2"), RopePairs.Halves), (model.Config.Architecture, model.Config.RopePairs));
        Assert.Equal(128, model.Weights.Layers[0].KeyBias!.Columns);
    }

    [Fact]
    public void Names_of_shapes_are_each_of_one() => Assert.Equal(ModelShape.Names.Distinct(), ModelShape.Names);

    /// <summary>What follows from the sizes goes with them: windows by layer, the scale of scores and the size of heads.</summary>
    [Fact]
    public void A_named_shape_of_other_sizes_keeps_its_kind()
    {
        ModelConfig shape = ModelShape.Parse("gemma-3-1b,hidden=64,heads=4,layers=7,window=32,intermediate=96,vocabulary=400");
        Assert.Equal((16, 1, 8.0), (shape.HeadSize, shape.KeyValueHeads, shape.EmbeddingScale));
        Assert.Equal([32, 32, 32, 32, 32, null, 32], shape.LayerDescriptions.Select(layer => layer.Window));
        Assert.All(shape.LayerDescriptions, layer => Assert.Null(layer.AttentionScale));
    }

    /// <summary>Every family that has a shape is written, and read back as what it was.</summary>
    [Theory]
    [MemberData(nameof(Shapes))]
    public void A_random_model_of_every_family_runs(string name)
    {
        using TemporaryFolder folder = new();
        string experts = name switch
        {
            "qwen3-30b-a3b" => ",experts=8,experts-used=2,expert-width=32",
            "mixtral-8x7b" or "gpt-oss-20b" => ",experts=8,experts-used=2",
            _ => "",
        };
        ModelConfig shape = ModelShape.Parse($"{name},hidden=64,layers=4,heads=4,kv-heads=2,intermediate=96,vocabulary=400,context=256{experts}");
        using LoadedModel model = GgufModel.Load(RandomModel.Write(folder.File("random.gguf"), shape, ElementType.F32, name).File);
        Assert.Equal((shape.Architecture, shape.RopePairs), (model.Config.Architecture, model.Config.RopePairs));
        Assert.Equal(shape.LayerDescriptions.Select(AsWritten), model.Config.LayerDescriptions.Select(AsWritten));
        using ComputeBackend backend = ComputeBackend.CreateCpu(1);
        using Transformer transformer = new(model, backend);
        using SequenceCache sequence = transformer.CreateSequence(new DensePolicy(), 100);
        int[] tokens = [.. Enumerable.Range(0, 100).Select(i => i * 7 % 400)];
        Assert.All(ModelFixture.Run(transformer, sequence, tokens, 40, AttentionMode.Prefill), logit => Assert.True(float.IsFinite(logit)));

        static LayerDescription AsWritten(LayerDescription layer) => layer with { Rope = null, AttentionScale = (float?)layer.AttentionScale, ResidualScale = (float)layer.ResidualScale };
    }

    public static TheoryData<string> Shapes => [.. ModelShape.Names];

    // Numbers of parameters as published with the models.
    [Theory]
    [InlineData("llama-3.2-1b", 1_235_814_400)]
    [InlineData("llama-3-8b", 8_030_261_248)]
    [InlineData("vicuna-7b", 6_738_415_616)]
    [InlineData("vicuna-13b", 13_015_864_320)]
    [InlineData("qwen2.5-0.5b", 494_032_768)]
    [InlineData("qwen3-0.6b", 596_049_920)]
    [InlineData("mistral-7b", 7_241_732_096)]
    [InlineData("mixtral-8x7b", 46_702_792_704)]
    [InlineData("qwen3-30b-a3b", 30_532_122_624)]
    [InlineData("gpt-oss-20b", 20_914_757_184)]
    [InlineData("phi-3-mini", 3_821_079_552)]
    [InlineData("gemma-2-2b", 2_614_341_888)]
    [InlineData("gemma-3-1b", 999_885_952)]
    [InlineData("smollm3-3b", 3_075_098_624)]
    [InlineData("olmo-2-1b", 1_484_916_736)]
    [InlineData("olmo-3-7b", 7_298_011_136)]
    [InlineData("granite-3.3-2b", 2_533_539_840)]
    public void Named_shapes_have_the_published_number_of_parameters(string name, long parameters)
    {
        using LoadedModel model = RandomModel.Describe(ModelShape.Parse(name), ElementType.BF16, name);
        Assert.Equal(parameters, model.Weights.Parameters);
    }

    [Theory]
    [InlineData("llama-9", "expected one of llama-3.2-1b, llama-3-8b")]
    [InlineData("layers=2,heads=2", "hidden=… is missing")]
    [InlineData("hidden=64,layers=2,heads=2,depth=1", "the key \"depth\" is not known")]
    [InlineData("hidden=64,layers=x,heads=2", "layers=x; expected a whole number")]
    [InlineData("hidden=64,layers=0,heads=2", "layers=0; expected a whole number")]
    [InlineData("hidden=64,layers=2,heads=3,kv-heads=2", "heads=3 is no multiple of kv-heads=2")]
    [InlineData("hidden=65,layers=2,heads=5", "the size of a head is 13; expected an even number")]
    [InlineData("hidden=64,layers=2,heads=2,tied=maybe", "tied=maybe; expected true or false")]
    [InlineData("llama-3-8b,window=64", "window=… is of models that have a window")]
    [InlineData("gemma-2-2b,experts=4", "experts=… is of models that have experts")]
    [InlineData("mixtral-8x7b,experts-used=9", "\"num_experts_per_tok\" is 9; expected a whole number from 1 to 8")]
    [InlineData("hidden=64,hidden=64", "each key once")]
    [InlineData("", "expected one of")]
    public void Shapes_that_are_none_are_refused(string text, string problem)
    {
        string message = Assert.Throws<InvalidInputException>(() => ModelShape.Parse(text)).Message;
        Assert.Contains(problem, message, StringComparison.Ordinal);
    }

    private static string Write(TemporaryFolder folder, ElementType type, ulong seed, int threads = 0) =>
        RandomModel.Write(folder.File($"{type}-{seed}-{threads}.gguf"), ModelShape.Parse(Shape), type, "random", seed, threads).File;
}
