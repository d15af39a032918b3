using MoA.Engine;
using MoA.Engine.Attention;
using MoA.Engine.Models;

namespace MoA.Evaluation.Policies;

/// <summary>Reads a policy as it is written on the command line: <c>NAME[:key=value,…]</c>.</summary>
public static class PolicyReader
{
    private const string Names = "dense, moa, streaming-llm, h2o, snapkv, pyramidkv, infllm, duo-attention or razor-attention";

    // 64 sinks and 256 recent tokens, as DuoAttention deploys its patterns; a fifth of the context in RazorAttention.
    private const int DuoStreamingTokens = 64 + 256;
    private const double RazorStreamingShare = 0.2;

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
            "infllm" => new InfLlmPolicy(
                settings.Budget(), settings.Number("local", 0, 1, 0.5),
                settings.Integer("representatives", 1, ElasticRule.BlockSize, InfLlmPolicy.DefaultRepresentatives)),
            "duo-attention" => TwoClasses(settings, new ElasticRule(DuoStreamingTokens, 0), config),
            "razor-attention" => TwoClasses(settings, new ElasticRule(0, RazorStreamingShare), config),
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

    private static TwoClassPolicy TwoClasses(PolicySettings settings, ElasticRule streaming, ModelConfig config)
    {
        // A share of the length up to 1, tokens above.
        double size = settings.Number("streaming", double.Epsilon, 1e9, double.NaN);
        if (double.IsFinite(size))
            streaming = size <= 1 ? new ElasticRule(0, size) : new ElasticRule(size, 0);
        double density = settings.Number("density", double.Epsilon, 1, double.NaN);
        double heads = settings.Number("heads", 0, 1, double.NaN);
        if (double.IsNaN(density) == double.IsNaN(heads))
            throw settings.Error($"give {settings.Name} either a density or a share of retrieval heads, as in {settings.Name}:density=0.5");
        string? scoreFile = settings.Path("scores"), profile = settings.Path("profile");
        if (scoreFile is null == profile is null)
        {
            throw settings.Error(
                $"give {settings.Name} either scores=FILE, one line a layer with a score for each head, or profile=FOLDER of moa profile");
        }

        double[][] scores = scoreFile is not null
            ? HeadScores.ReadFile(scoreFile, config)
            : HeadScores.FromProfile(profile!, streaming, config);
        return double.IsNaN(heads)
            ? TwoClassPolicy.OfDensity(settings.Name, scores, streaming, density)
            : TwoClassPolicy.OfRetrievalShare(settings.Name, scores, streaming, heads);
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
