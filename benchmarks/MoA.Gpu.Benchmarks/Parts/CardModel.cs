using MoA.Engine.Attention;
using MoA.Engine.Configuration;
using MoA.Engine.Generation;
using MoA.Engine.Models;
using MoA.Engine.Numerics;

namespace MoA.Gpu.Benchmarks.Parts;

/// <summary>Models of random weights on the device, and the plans that they run under.</summary>
internal static class CardModel
{
    private const string PublishedPlan = "lmsys--vicuna-7b-v1.5-16k.moa.json";

    public static LanguageModel Load(GpuBackend backend, string shape, ElementType weights = ElementType.BF16) =>
        LanguageModel.Random(ModelShape.Parse(shape), weights, shape.Split(',')[0], backend);

    /// <summary>The published plan for vicuna-7b; for the tiny shape, half of each head's past by turns.</summary>
    public static PlanPolicy Plan(CardOptions options, ModelConfig config)
    {
        if (!options.IsEmulated)
            return new PlanPolicy(PlanFile.Load(Path.Combine(options.Data, "plans", PublishedPlan)).Plan);
        ElasticRule[] row = [.. Enumerable.Range(0, config.QueryHeads).Select(head => new ElasticRule(0, head % 2 == 0 ? 0.25 : 0.75))];
        return new PlanPolicy(new AttentionPlan([.. Enumerable.Repeat(row, config.Layers)], HeadKind.Query));
    }
}
