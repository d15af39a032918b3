using MoA.Engine;
using MoA.Engine.Attention;
using MoA.Engine.Configuration;

namespace MoA.Evaluation.Policies;

/// <summary>Reads a policy as it is written on the command line: <c>NAME[:key=value,…]</c>.</summary>
public static class PolicyReader
{
    /// <summary>The name that stands for every policy: see <see cref="Expand"/>.</summary>
    public const string All = "all";

    private const string Names = "dense, moa, streaming-llm, h2o, snapkv, pyramidkv, infllm, duo-attention or razor-attention";

    // 64 sinks and 256 recent tokens, as DuoAttention deploys its patterns; a fifth of the context in RazorAttention.
    private const int DuoStreamingTokens = 64 + 256;
    private const double RazorStreamingShare = 0.2;

    /// <summary>
    /// What a text stands for when several policies may be given: <c>all</c> is every policy that can run on the model and takes
    /// a size, with the settings that are given to it. Those that choose rows by attention are left out for a model with sliding
    /// windows, those of two classes of heads without <c>scores</c> or <c>profile</c>.
    /// </summary>
    /// <param name="text">A policy, or <c>all[:key=value,…]</c> with the keys <c>density</c>, <c>scores</c> and <c>profile</c>.</param>
    /// <param name="config">The model that the policies are for.</param>
    /// <returns>Policies to be read one by one; the text alone if it is one.</returns>
    /// <exception cref="InvalidInputException">A setting is not one of all policies.</exception>
    public static IReadOnlyList<string> Expand(string text, ModelConfig config)
    {
        ArgumentNullException.ThrowIfNull(text);
        ArgumentNullException.ThrowIfNull(config);
        if (text != All && !text.StartsWith($"{All}:", StringComparison.Ordinal))
            return [text];
        PolicySettings given = new(text);
        string? density = given.Value("density"), scores = given.Path("scores"), profile = given.Path("profile");
        given.RequireNoMore();
        List<string> policies = [Text("streaming-llm")];
        if (Enumerable.Range(0, config.Layers).All(layer => config.SlidingWindow(layer) is null))
            policies.AddRange(((string[])["h2o", "snapkv", "pyramidkv", "infllm"]).Select(name => Text(name)));
        if (scores is not null || profile is not null)
            policies.AddRange(((string[])["duo-attention", "razor-attention"]).Select(name => Text(name, ("scores", scores), ("profile", profile))));
        return policies;

        string Text(string name, params (string Key, string? Value)[] more)
        {
            (string Key, string? Value)[] settings = [("density", density), .. more];
            string list = string.Join(',', settings.Where(setting => setting.Value is not null).Select(setting => $"{setting.Key}={setting.Value}"));
            return list.Length > 0 ? $"{name}:{list}" : name;
        }
    }

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
        if (settings.Name == All)
            throw settings.Error("one policy runs here; 'all' is for moa eval and moa bench");
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
        _ = policy.Resolve(config, 1); // refuses a model that the policy cannot run on, before anything runs
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
