using MoA.Engine;
using MoA.Engine.Attention;
using MoA.Engine.Models;

namespace MoA.Evaluation.Policies;

/// <summary>Reads a policy as it is written on the command line: <c>NAME[:key=value,…]</c>.</summary>
public static class PolicyReader
{
    private const string Names = "dense, moa, streaming-llm, h2o, snapkv or pyramidkv";

    /// <summary>The policy that a text and a plan file stand for.</summary>
    /// <param name="text">A name and its settings, docs/policies.md; null follows from the plan.</param>
    /// <param name="planFile">A plan, for moa; null for none.</param>
    /// <param name="config">The model that the policy is for.</param>
    /// <exception cref="InvalidInputException">The text or the plan cannot be used.</exception>
    public static AttentionPolicy Read(string? text, string? planFile, ModelConfig config)
    {
        ArgumentNullException.ThrowIfNull(config);
        text ??= planFile is null ? "dense" : "moa";
        PolicySettings settings = new(text);
        if (planFile is not null && settings.Name != "moa")
            throw new InvalidInputException($"--policy {text} takes no plan; drop --plan {planFile} or use --policy moa");
        AttentionPolicy policy = settings.Name switch
        {
            "dense" => new DensePolicy(),
            "moa" => new PlanPolicy(ReadPlan(planFile, config)),
            "streaming-llm" => new StreamingLlmPolicy(settings.Budget()),
            "h2o" => new H2oPolicy(settings.Budget(), settings.Number("recent", 0, 1, 0.5)),
            "snapkv" => new SnapKvPolicy(settings.Budget(), Window(settings), Pooling(settings)),
            "pyramidkv" => new PyramidKvPolicy(
                settings.Budget(), Window(settings), Pooling(settings),
                settings.Integer("beta", 1, 1_000_000, PyramidKvPolicy.DefaultBeta)),
            _ => throw settings.Error($"there is no policy '{settings.Name}'; expected {Names}"),
        };
        settings.RequireNoMore();
        return policy;
    }

    /// <summary>Reads a plan and checks that it fits the model.</summary>
    public static AttentionPlan ReadPlan(string? planFile, ModelConfig config)
    {
        ArgumentNullException.ThrowIfNull(config);
        if (planFile is null)
            throw new InvalidInputException("--policy moa needs a plan: add --plan FILE (moa compress writes one)");
        return PlanFile.Load(planFile).FitTo(config.Layers, config.QueryHeads, config.KeyValueHeads, planFile);
    }

    private static int Window(PolicySettings settings) =>
        settings.Integer("window", 1, ElasticRule.BlockSize, SnapKvPolicy.DefaultWindow);

    private static ScorePooling Pooling(PolicySettings settings)
    {
        int width = settings.Integer("kernel", 1, 1023, SnapKvPolicy.DefaultPooling.Width);
        if (width % 2 == 0)
            throw settings.Error("expected an odd number as kernel");
        PoolingKind kind = settings.Word("pooling", "avg", "max") == "avg" ? PoolingKind.Average : PoolingKind.Maximum;
        return new ScorePooling(kind, width);
    }
}
