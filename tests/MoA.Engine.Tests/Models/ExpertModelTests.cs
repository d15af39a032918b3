using MoA.Engine.Attention;
using MoA.Engine.Configuration;
using MoA.Engine.Kernels;
using MoA.Engine.KvCache;
using MoA.Engine.Models;
using MoA.Engine.Models.Loading;
using MoA.Engine.Numerics;
using MoA.Engine.Tests.Models.Loading;
using MoA.Tests;

namespace MoA.Engine.Tests.Models;

/// <summary>What models with experts hold, use and say; that their logits are right is tested with all others.</summary>
public sealed class ExpertModelTests
{
    /// <summary>Counted by hand: 8 experts in 2 layers, 3 matrices of 48 × 64 each, of which a token uses 2.</summary>
    [Fact]
    public void A_token_uses_its_own_experts_only()
    {
        using ModelFixture fixture = ModelFixture.Load("mixtral");
        const long expert = 3 * 48 * 64, attention = 64 * (64 + 32 + 32 + 64), others = 2 * 128 * 64 + 64 + 2 * (attention + 8 * 64 + 2 * 64);
        ModelWeights weights = fixture.Model.Weights;
        Assert.Equal(others + 2 * 8 * expert, weights.Parameters);
        Assert.Equal(others + 2 * 2 * expert, weights.ActiveParameters(fixture.Model.Config));
        const long embedding = 128 * 64;
        Assert.Equal(4.0 * (others - embedding + 2 * 2 * expert), weights.StepBytes(fixture.Model.Config, 1), 1e-6);
        Assert.Equal(4.0 * (others - embedding + 2 * 6 * expert), weights.StepBytes(fixture.Model.Config, 3), 1e-6);
        Assert.Equal(4.0 * (others - embedding + 2 * 8 * expert), weights.StepBytes(fixture.Model.Config, 100), 1e-6);
    }

    /// <summary>Experts that nobody chose have no memory here: whoever reads one gets an exception.</summary>
    [Theory]
    [MemberData(nameof(Sets))]
    internal unsafe void Experts_that_no_row_chooses_are_not_read(InstructionSet set)
    {
        using ModelFixture fixture = ModelFixture.Load("gpt-oss");
        using ComputeBackend backend = ComputeBackend.CreateCpu(2, set);
        FeedForwardWeights[] experts = [.. fixture.Model.Weights.Layers[0].FeedForward];
        FeedForwardWeights[] few = [.. experts.Select((expert, i) => i is 1 or 4 ? expert : expert.Convert(Nowhere))];
        const int rows = 3;
        using ExpertWork work = new(backend, rows, new ExpertShape(experts.Length, 2, 64, 32));
        using Tensor x = backend.Allocate(rows, 64), all = backend.Allocate(rows, 64), some = backend.Allocate(rows, 64);
        backend.Write([.. Enumerable.Range(0, rows * 64).Select(i => MathF.Sin(i))], rows, x);
        backend.Write([.. Enumerable.Range(0, rows).SelectMany(row => new float[] { 0, 5, 1, -2, 5 + row, 2 })], rows, work.Scores);
        Run(experts, all);
        Run(few, some);
        Assert.Equal(backend.Read(all, rows), backend.Read(some, rows));
        few[4] = experts[4].Convert(Nowhere);
        _ = Assert.ThrowsAny<Exception>(() => Run(few, some));

        void Run(FeedForwardWeights[] networks, Tensor output)
        {
            backend.ChooseExperts(work, rows, isNormalized: true);
            backend.EnterExperts(x, work, networks);
            backend.Activate(Activation.ClampedSilu, work.Gate, work.Up, work.Places);
            backend.LeaveExperts(work, networks, output, accumulate: false);
        }

        static WeightTensor Nowhere(WeightTensor weight) => new(weight.Name, weight.Type, weight.Rows, weight.Columns, null);
    }

    public static IEnumerable<object?[]> Sets => Machine.InstructionSets;

    /// <summary>Copies in strips give the bits of what is mapped, expert by expert, and are counted.</summary>
    [Theory]
    [InlineData("mixtral")]
    [InlineData("qwen3-moe")]
    [InlineData("gpt-oss")]
    [InlineData("gpt-oss-mxfp4")]
    public void Copies_of_experts_are_counted_and_change_nothing(string name)
    {
        using ModelFixture fixture = ModelFixture.Load(name);
        using ComputeBackend backend = ComputeBackend.CreateCpu(2, InstructionSet.Vector256);
        using Transformer transformer = new(fixture.Model, backend);
        float[] mapped = Logits();
        long before = backend.AllocatedBytes;
        transformer.CopyWeights();
        Assert.Equal(mapped, Logits());
        Assert.Equal(fixture.Model.Weights.CopyBytes, transformer.CopiedWeightBytes);
        // Strips are filled up to the lanes of a vector: those of a router with fewer rows.
        Assert.InRange(backend.AllocatedBytes - before - fixture.Model.Weights.CopyBytes, 0, fixture.Model.Config.Layers * 4 * 64 * sizeof(float));

        float[] Logits()
        {
            using SequenceCache sequence = transformer.CreateSequence(new DensePolicy(), fixture.Tokens.Length, ElementType.F32);
            return ModelFixture.Run(transformer, sequence, fixture.Tokens, 64, AttentionMode.Prefill);
        }
    }

    /// <summary>What dry runs and the choice of a copy reckon with is what is allocated, but for padding.</summary>
    [Theory]
    [InlineData("llama-mha")]
    [InlineData("gemma3")]
    [InlineData("mixtral")]
    [InlineData("gpt-oss")]
    public void What_a_pass_works_in_is_reckoned(string name)
    {
        const int rows = 300;
        using ModelFixture fixture = ModelFixture.Load(name);
        using ComputeBackend backend = ComputeBackend.CreateCpu(1);
        long before = backend.AllocatedBytes, reckoned = Transformer.WorkspaceBytes(fixture.Model.Config, rows);
        using Transformer transformer = new(fixture.Model, backend, rows);
        Assert.InRange(backend.AllocatedBytes - before, reckoned, reckoned + 8192);
    }

    [Theory]
    [InlineData("mixtral-8x7b,hidden=64,layers=2,heads=4,experts-used=3,intermediate=32,vocabulary=500", "Mixtral", 8, 3, 32)]
    [InlineData("qwen3-30b-a3b,layers=2,hidden=64,heads=2,experts=16,expert-width=32,vocabulary=500", "Qwen3Moe", 16, 8, 32)]
    [InlineData("gpt-oss-20b,layers=2,hidden=64,heads=8,experts-used=2,intermediate=64,vocabulary=500", "GptOss", 32, 2, 64)]
    public void Random_models_may_have_experts(string shape, string family, int experts, int used, int width)
    {
        using TemporaryFolder folder = new();
        ModelConfig config = ModelShape.Parse(shape);
        ConversionResult result = RandomModel.Write(folder.File("random.gguf"), config, ElementType.Q8_0, "random");
        using LoadedModel model = GgufModel.Load(result.File);
        Assert.Equal(family, model.Config.Architecture.Name);
        Assert.All(model.Config.LayerDescriptions, layer => Assert.Equal(
            (experts, used, width), (layer.FeedForward.Experts!.Count, layer.FeedForward.Experts.Used, layer.FeedForward.IntermediateSize)));
        Assert.All(model.Weights.Layers, layer => Assert.Equal(ElementType.F32, layer.Router!.Type));
        using ComputeBackend backend = ComputeBackend.CreateCpu(2);
        using Transformer transformer = new(model, backend);
        using SequenceCache sequence = transformer.CreateSequence(new DensePolicy(), 8);
        Assert.All(ModelFixture.Run(transformer, sequence, [5, 300, 7], 8, AttentionMode.Prefill), logit => Assert.True(float.IsFinite(logit)));
    }

    [Theory]
    [InlineData("llama-3-8b,experts=8", "of models that have experts")]
    [InlineData("mixtral-8x7b,experts-used=9", "num_experts_per_tok")]
    public void Shapes_without_such_experts_are_refused(string shape, string problem) =>
        Assert.Contains(problem, Assert.Throws<InvalidInputException>(() => ModelShape.Parse(shape)).Message, StringComparison.Ordinal);

    /// <summary>Layers without experts among others, and weights that do not add up to 1, go through a file and back.</summary>
    [Fact]
    public void Dense_layers_among_experts_survive_a_file()
    {
        using TemporaryFolder folder = new();
        ModelConfig config = ModelShape.Parse("qwen3-30b-a3b,layers=4,hidden=64,heads=2,experts=8,expert-width=32,vocabulary=500");
        config = config.WithLayers((layer, index) => index is 0 or 2
            ? layer with { FeedForward = new FeedForwardDescription { IntermediateSize = 96 } }
            : layer with { FeedForward = layer.FeedForward with { Experts = layer.FeedForward.Experts! with { IsNormalized = false } } });
        using LoadedModel model = GgufModel.Load(RandomModel.Write(folder.File("random.gguf"), config, ElementType.F32, "random").File);
        Assert.Equal(config.LayerDescriptions.Select(layer => layer.FeedForward), model.Config.LayerDescriptions.Select(layer => layer.FeedForward));
    }

    /// <summary>Converted on loading, all but the routers.</summary>
    [Fact]
    public void Routers_keep_their_format()
    {
        using LoadedModel model = ModelFile.Load(RepositoryFiles.Fixture("models", "mixtral"), ElementType.Q8_0);
        Assert.All(model.Weights.Layers, layer => Assert.Equal((ElementType.F32, ElementType.Q8_0), (layer.Router!.Type, layer.FeedForward[7].Gate.Type)));
    }

    /// <summary>Read as transformers does: a list of layers, every so-manieth, and no sum of 1 unless the file says so.</summary>
    [Fact]
    public void Configurations_say_which_layers_have_experts()
    {
        string text = File.ReadAllText(RepositoryFiles.Fixture("models", "qwen3-moe", "config.json"));
        ModelConfig config = Parse(text.Replace("\"decoder_sparse_step\": 1", "\"decoder_sparse_step\": 2", StringComparison.Ordinal)
            .Replace("\"num_hidden_layers\": 3", "\"num_hidden_layers\": 6", StringComparison.Ordinal)
            .Replace("\"mlp_only_layers\": []", "\"mlp_only_layers\": [3]", StringComparison.Ordinal)
            .Replace("\"norm_topk_prob\": true,", "", StringComparison.Ordinal));
        Assert.Equal([null, 8, null, null, null, 8], config.LayerDescriptions.Select(layer => layer.FeedForward.Experts?.Count));
        Assert.Equal([96, 24, 96, 96, 96, 24], config.LayerDescriptions.Select(layer => layer.FeedForward.IntermediateSize));
        Assert.False(config.LayerDescriptions[1].FeedForward.Experts!.IsNormalized);
    }

    [Theory]
    [InlineData("gpt-oss-mxfp4", "\"mxfp4\"", "\"fp8\"", "the checkpoint is quantised (fp8); expected one in F32, F16, BF16 or MXFP4")]
    [InlineData("mixtral", "\"sliding_window\"", "\"quantization_config\": {\"quant_method\": \"mxfp4\"}, \"sliding_window\"", "the checkpoint is quantised (mxfp4); expected one in F32, F16 or BF16")]
    [InlineData("gpt-oss", "\"swiglu_limit\": 7.0", "\"swiglu_limit\": 5.0", "swiglu_limit")]
    [InlineData("mixtral", "\"num_experts_per_tok\": 2", "\"num_experts_per_tok\": 9", "num_experts_per_tok")]
    [InlineData("mixtral", "\"num_local_experts\": 8", "\"num_local_experts\": 0", "num_local_experts")]
    public void What_is_not_run_is_refused(string name, string from, string to, string problem)
    {
        string text = File.ReadAllText(RepositoryFiles.Fixture("models", name, "config.json"));
        Assert.Contains(from, text, StringComparison.Ordinal);
        Assert.Contains(problem, Assert.Throws<InvalidInputException>(() => Parse(text.Replace(from, to, StringComparison.Ordinal))).Message, StringComparison.Ordinal);
    }

    private static ModelConfig Parse(string text)
    {
        using TemporaryFolder folder = new();
        File.WriteAllText(folder.File("config.json"), text);
        return ModelConfig.Load(folder.File("config.json"));
    }
}
