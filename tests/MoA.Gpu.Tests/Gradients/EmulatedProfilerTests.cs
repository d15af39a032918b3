using MoA.Engine;
using MoA.Engine.Models.Loading;
using MoA.Engine.Numerics;
using MoA.Engine.Tests.Kernels.Gradients;
using MoA.Engine.Tokenization;
using MoA.Gpu.Weights;
using MoA.Search.Profiling;
using MoA.Search.Tests.Profiling;

namespace MoA.Gpu.Tests.Gradients;

/// <summary>Loss and influence of whole items on the emulated device, within the processor's tolerances.</summary>
public sealed class EmulatedProfilerTests
{
    /// <summary>Against numbers computed in float64 by an independent program.</summary>
    [Fact]
    public void Loss_and_influence_equal_the_reference()
    {
        ProfilingFixture fixture = ProfilingFixture.Load("llama-gqa-llama3-n256");
        using LoadedModel model = ProfilingFixture.Model(fixture.ModelName);
        using GpuBackend backend = GpuBackend.Open("emulated:4", 1);
        using InfluenceProfiler profiler = new(model, backend, fixture.Items.Max(item => item.Length));
        ItemInfluence influence = profiler.Profile(fixture.Items[0]);
        Assert.InRange(Math.Abs(influence.Loss / fixture.Losses[0] - 1), 0, 1e-5);
        InfluenceBlocks.AssertClose(
            fixture.BlockSums[0], [.. influence.Layers.SelectMany(layer => layer)], influence.Blocks);
    }

    /// <summary>Sliding windows (mistral), norms over single heads and a tied head (qwen3), biases (qwen2).</summary>
    [Theory]
    [InlineData("mistral")]
    [InlineData("qwen3")]
    [InlineData("qwen2-bf16")]
    public void Models_of_every_kind_equal_the_definition_in_double(string name)
    {
        const int Tokens = 70;
        using LoadedModel model = ProfilingFixture.Model(name);
        Random random = new(5);
        ProfileItem item = new(
            [.. Enumerable.Range(0, Tokens + 1).Select(_ => random.Next(model.Config.VocabularySize))],
            [new AnswerSpan(40, 47), new AnswerSpan(60, 70)], "random");
        ModelReference reference = new(model, item);
        using GpuBackend backend = GpuBackend.Open("emulated:4", 1);
        using InfluenceProfiler profiler = new(model, backend, Tokens);
        ItemInfluence influence = profiler.Profile(item);
        Assert.InRange(Math.Abs(influence.Loss / reference.Loss - 1), 0, 1e-5);
        for (int layer = 0; layer < model.Config.Layers; layer++)
        {
            InfluenceBlocks.AssertClose(
                [.. reference.Heads[layer].SelectMany(head => head.BlockSums())], influence.Layers[layer], 2);
        }
    }

    /// <summary>Memory is what was reckoned, and refused before any of it is taken; what is kept can be on disk.</summary>
    [Fact]
    public void Memory_is_reckoned_before_it_is_taken()
    {
        const int Tokens = 40;
        using LoadedModel model = ProfilingFixture.Model("llama-mha");
        ProfileItem item = new([.. Enumerable.Range(0, Tokens + 1)], null, "counted");
        long weights = model.Weights.All.Sum(PlacedWeight.BytesOf);
        using GpuBackend roomy = GpuBackend.Open("emulated:4", 1);
        ProfilerMemory memory = ProfilerMemory.Of(model, roomy, Tokens, Tokens);
        ItemInfluence expected;
        using (InfluenceProfiler profiler = new(model, roomy, Tokens))
            expected = profiler.Profile(item);
        long all = memory.Kept + memory.Working;
        // Beside it small lists: tokens, positions, rows.
        Assert.InRange(roomy.PeakBytes - weights, 0.95 * all, all + 4096);
        Assert.InRange(roomy.AllocatedBytes, 0, 4096);

        using GpuBackend tight = GpuBackend.Open("emulated:4", 1, weights + all - 1);
        InvalidInputException refusal = Assert.Throws<InvalidInputException>(() => new InfluenceProfiler(model, tight, Tokens));
        Assert.StartsWith("profiling items of 40 tokens take ", refusal.Message, StringComparison.Ordinal);
        Assert.Equal(0, tight.AllocatedBytes);
        using InfluenceProfiler spilling = new(model, tight, Tokens, Path.GetTempPath());
        ItemInfluence spilled = spilling.Profile(item);
        Assert.Equal(expected.Loss, spilled.Loss);
        Assert.Equal(expected.Layers, spilled.Layers);
    }
}
