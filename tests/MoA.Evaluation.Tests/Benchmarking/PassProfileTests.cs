using MoA.Engine.Attention;
using MoA.Engine.Generation;
using MoA.Engine.Kernels;
using MoA.Engine.Models;
using MoA.Engine.Numerics;
using MoA.Evaluation.Benchmarking;
using MoA.Tests;

namespace MoA.Evaluation.Tests.Benchmarking;

/// <summary>What a profile counts, and that its times add up; nothing here depends on how fast the machine is.</summary>
public sealed class PassProfileTests(DemoModel demo) : IClassFixture<DemoModel>
{
    private const int Layers = 4, Hidden = 256, Mlp = 512, Vocabulary = 1280, Heads = 8, HeadSize = 32, Bf16 = 2;

    /// <summary>The demo model by hand: each matrix once, of the embedding single rows, and of a cache what its heads attend to.</summary>
    [Theory]
    [InlineData(1, "dense", 254.5)] // 252 tokens and 1 to 4 new ones
    [InlineData(3, "dense", 254.5)]
    [InlineData(2, "streaming-llm:density=0.5", 128)]
    public void A_decode_step_reads_and_computes_what_shapes_and_formats_say(int batch, string policy, double rows)
    {
        BenchmarkRow row = Measure(demo.Model, policy, 252, batch);
        PassProfile profile = row.DecodeProfile!;
        Assert.Null(row.PrefillProfile);
        Assert.Equal(4, profile.Steps);
        (string Operation, double Bytes, double Flop)[] expected =
        [
            ("embedding", batch * Hidden * Bf16, 0),
            ("attention norm", Layers * Hidden * Bf16, 0),
            Product("query, key, value", Layers * 3 * Hidden * Hidden),
            ("rope", 0, 0),
            ("attention", batch * rows * Layers * Heads * 2 * HeadSize * Bf16, batch * rows * Layers * Heads * 4 * HeadSize),
            Product("output", Layers * Hidden * Hidden),
            ("mlp norm", Layers * Hidden * Bf16, 0),
            Product("gate, up", Layers * 2 * Hidden * Mlp),
            ("swiglu", 0, 0),
            Product("down", Layers * Hidden * Mlp),
            ("final norm", Hidden * Bf16, 0),
            Product("head", Vocabulary * Hidden),
            ("draw", 0, 0),
            ("rest", 0, 0),
        ];
        Assert.Equal(expected, profile.Operations.Select(one => (one.Operation, one.Bytes, one.Flop)));
        Assert.Equal(row.BytesPerStep + batch * Hidden * Bf16, profile.Step.Bytes, 1e-3);

        (string, double, double) Product(string name, int elements) => (name, elements * Bf16, 2.0 * batch * elements);
    }

    [Theory]
    [InlineData(1, "dense")]
    [InlineData(5, "h2o:density=0.5")]
    public void Times_add_up(int batch, string policy)
    {
        BenchmarkRow row = Measure(demo.Model, policy, 300, batch, synthetic: false);
        Assert.Equal((batch, 4), (row.PrefillProfile!.Steps, row.DecodeProfile!.Steps));
        foreach (PassProfile profile in new[] { row.PrefillProfile, row.DecodeProfile })
        {
            foreach (OperationProfile one in profile.Operations.Append(profile.Step))
            {
                Assert.Equal(one.Seconds, one.KernelSeconds + one.StartSeconds + one.EndSeconds + one.SerialSeconds, 1e-9);
                Assert.All([one.KernelSeconds, one.StartSeconds, one.EndSeconds, one.SerialSeconds], part => Assert.InRange(part, 0, one.Seconds));
            }

            Assert.Equal(profile.Operations.Sum(one => one.Seconds), profile.Step.Seconds, 1e-12);
            Assert.Equal(profile.Step.Bytes / 2e9, profile.ReadSeconds(profile.Step), 1e-12);
        }

        // The row's own clock goes around the profile's.
        Assert.InRange(row.DecodeProfile.Step.Seconds, 0, batch / row.DecodeTokensPerSecond.Median);
        Assert.InRange(row.PrefillProfile.Step.Seconds, 0, 300 / row.PrefillTokensPerSecond!.Value.Median);
    }

    [Theory]
    [InlineData("qwen3")]
    [InlineData("qwen2-bf16")]
    [InlineData("llama-gqa-llama3")]
    public void Every_weight_is_counted_once(string name)
    {
        using ComputeBackend backend = ComputeBackend.CreateCpu(2);
        using LanguageModel model = LanguageModel.Load(RepositoryFiles.Fixture("models", name), backend);
        PassProfile profile = Measure(model, "dense", 60, 1).DecodeProfile!;
        ModelWeights weights = model.Loaded.Weights;
        long read = weights.All.Sum(weight => weight.Bytes) - (ReferenceEquals(weights.Head, weights.Embedding) ? 0 : weights.Embedding.Bytes);
        double kept = 62.5 * model.Config.Layers * model.Config.KeyValueHeads * model.Config.HeadSize * 2 * Bf16;
        Assert.Equal(read + weights.Embedding.BytesPerRow + kept, profile.Step.Bytes, 1e-3);
        Assert.Equal(name == "qwen3", profile.Operations.Any(one => one.Operation == "query and key norms"));
        long matrices = weights.All.Where(weight => weight.Rows > 1 && !ReferenceEquals(weight, weights.Embedding)).Append(weights.Embedding)
            .Sum(weight => (long)weight.Rows * weight.Columns) - (ReferenceEquals(weights.Head, weights.Embedding) ? 0 : (long)weights.Embedding.Rows * weights.Embedding.Columns);
        Assert.Equal(
            2 * matrices + 62.5 * model.Config.Layers * model.Config.QueryHeads * 4 * model.Config.HeadSize, profile.Step.Flop, 1e-3);
    }

    [Theory]
    [InlineData("mistral", "swiglu")]
    [InlineData("mixtral", "swiglu")]
    [InlineData("gemma2", "geglu")]
    [InlineData("gpt-oss", "clamped swiglu")]
    public void Activations_have_their_names(string name, string activation)
    {
        using ComputeBackend backend = ComputeBackend.CreateCpu(1);
        using LanguageModel model = LanguageModel.Load(RepositoryFiles.Fixture("models", name), backend);
        Assert.Equal(activation, Measure(model, "dense", 60, 1).DecodeProfile!.Operations.Single(one => one.Operation.EndsWith("glu", StringComparison.Ordinal)).Operation);
    }

    /// <summary>Pairs and rows counted one by one, by the mask's definition (docs/method.md).</summary>
    [Theory]
    [InlineData("llama-mha", "dense", int.MaxValue, int.MaxValue)]
    [InlineData("llama-gqa-llama3", "streaming-llm:density=0.25", 192, int.MaxValue)] // a quarter of 1024 rows, less the sink
    [InlineData("mistral", "dense", int.MaxValue, 48)]
    public void Reading_a_prompt_computes_the_pairs_that_the_mask_shows(string name, string policy, int ring, int window)
    {
        const int Length = 1020, Chunk = 512;
        using ComputeBackend backend = ComputeBackend.CreateCpu(2);
        using LanguageModel model = LanguageModel.Load(RepositoryFiles.Fixture("models", name), backend);
        Assert.Equal(Chunk, model.Transformer.MaxRows);
        OperationProfile attention = Measure(model, policy, Length, 1, synthetic: false).PrefillProfile!.Operations.Single(one => one.Operation == "attention");
        long pairs = 0, rows = 0;
        for (int i = 0; i < Length; i++)
        {
            for (int j = 0; j <= i; j++)
            {
                bool visible = (j < 64 || j / 64 >= i / 64 - (long)ring / 64 + 1) && j > (long)i - window;
                pairs += visible ? 1 : 0;
                // The second chunk reads what its first token sees of the first chunk.
                rows += visible && i == Chunk && j < Chunk ? 1 : 0;
            }
        }

        Assert.Equal(pairs * model.Config.Layers * model.Config.QueryHeads * 4.0 * model.Config.HeadSize, attention.Flop);
        Assert.Equal(rows * model.Config.Layers * model.Config.KeyValueHeads * 2.0 * model.Config.HeadSize * Bf16, attention.Bytes);
    }

    private static BenchmarkRow Measure(LanguageModel model, string policy, int length, int batch, bool synthetic = true) => Assert.Single(new BenchmarkRun(model, new BenchmarkSettings
    {
        Lengths = [length],
        Batches = [batch],
        DecodeTokens = 4,
        Repeats = 1,
        SyntheticContext = synthetic,
        CacheType = ElementType.BF16,
        Profile = true,
        Threads = 2,
    })
    { ReadBandwidth = () => 2e9 }.Run(BenchmarkPolicy.Read([policy], [], model.Config)));
}
