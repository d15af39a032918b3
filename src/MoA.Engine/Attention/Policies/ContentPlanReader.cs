using MoA.Engine.Configuration;

namespace MoA.Engine.Attention.Policies;

/// <summary>Reads plans as policies: as they are, or with content inside.</summary>
internal static class ContentPlanReader
{
    private static readonly PolicySetting Sink = PolicySetting.Whole("sink", 0, 1_000_000, $"first tokens that stay beside the best ({ContentPlanPolicy.DefaultSink})");
    private static readonly PolicySetting RecentTokens = PolicySetting.Whole(
        "recent", 1, 1_000_000, $"last tokens that stay beside the best ({ContentPlanPolicy.DefaultRecent})");

    private static readonly PolicySetting Piece = PolicySetting.Whole(
        "piece", ElasticRule.BlockSize, 1 << 24, $"tokens of a prompt between evictions, whole blocks of {ElasticRule.BlockSize} ({ContentPlanPolicy.DefaultPiece})");

    /// <summary>The scorers that plan files may name.</summary>
    public const string Scorers = $"{ExpectedAttentionPolicy.CommandName} or {KeyDiffPolicy.CommandName}";

    /// <summary>Their settings.</summary>
    public static IReadOnlyList<PolicySetting> Settings { get; } =
        [Sink, RecentTokens, Piece, .. ScorerReader.Settings.Where(setting => setting != ScorerReader.Recent)];

    /// <summary>The policy that settings and a plan stand for.</summary>
    /// <param name="settings">The settings; those of the scorer that the plan was searched for, if they name none.</param>
    /// <param name="planFile">The plan.</param>
    /// <param name="config">The model.</param>
    /// <exception cref="InvalidInputException">There is no plan, or none for the model.</exception>
    public static AttentionPolicy Read(PolicySettings settings, string? planFile, ModelConfig config)
    {
        ArgumentNullException.ThrowIfNull(settings);
        ArgumentNullException.ThrowIfNull(config);
        if (planFile is null)
            throw new InvalidInputException($"--policy {PlanPolicy.CommandName} needs a plan: add --plan FILE (moa compress writes one)");
        PlanDocument document = PlanFile.Load(planFile);
        AttentionPlan plan = document.FitTo(config.Layers, config.QueryHeads, config.KeyValueHeads, planFile);
        if (!settings.HasAny([ScorerReader.Scorer]))
        {
            if (settings.HasAny(Settings))
                throw settings.Error($"its settings are those of a scorer; name one, as in {settings.Name}:{ScorerReader.Scorer.Key}={ExpectedAttentionPolicy.CommandName}");
            return Of(plan, document.Scorer);
        }

        return Read(settings, plan);
    }

    /// <summary>The policy that a plan stands for.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="scorer">A scorer as plan files name it (<see cref="PlanDocument.Scorer"/>); null where the last rows stay.</param>
    /// <exception cref="InvalidInputException">There is no such scorer.</exception>
    public static AttentionPolicy Of(AttentionPlan plan, string? scorer) => scorer is null ? new PlanPolicy(plan) : Read(plan, scorer, $"scorer {scorer}");

    /// <summary>Whether a text names one of <see cref="Scorers"/>, whatever its settings: those that judge a text by its beginning.</summary>
    public static bool IsScorer(string text) => text.Split(',')[0] is ExpectedAttentionPolicy.CommandName or KeyDiffPolicy.CommandName;

    /// <summary>Refuses what plan files may not name as their scorer.</summary>
    /// <param name="scorer">The scorer, with its settings.</param>
    /// <param name="place">Where it stands, for the message.</param>
    /// <exception cref="InvalidInputException">There is no such scorer, or it does not take such settings.</exception>
    public static void Check(string scorer, string place) => _ = Read(AttentionPlan.Uniform(1, 1, HeadKind.KeyValue, ElasticRule.Dense), scorer, place);

    private static ContentPlanPolicy Read(AttentionPlan plan, string scorer, string place)
    {
        if (!IsScorer(scorer))
            throw new InvalidInputException($"{place}: expected {Scorers}, with settings behind a comma if any");
        PolicySettings settings = new($"{PlanPolicy.CommandName}:{ScorerReader.Scorer.Key}={scorer}", place);
        ContentPlanPolicy policy = Read(settings, plan);
        settings.RequireNoMore(Settings);
        return policy;
    }

    private static ContentPlanPolicy Read(PolicySettings settings, AttentionPlan plan)
    {
        // A share to h2o's own policy, which its scorer would read.
        int recent = settings.Whole(RecentTokens, ContentPlanPolicy.DefaultRecent), piece = settings.Whole(Piece, ContentPlanPolicy.DefaultPiece);
        if (piece % ElasticRule.BlockSize != 0)
            throw settings.Error($"expected {Piece.Values} as {Piece.Key}, a multiple of {ElasticRule.BlockSize}");
        return new ContentPlanPolicy(
            plan, ScorerReader.Read(settings), settings.Whole(Sink, ContentPlanPolicy.DefaultSink), recent, piece);
    }
}
