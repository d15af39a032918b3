using System.Text.Json;
using MoA.Engine.Attention.Scoring;
using MoA.Engine.Configuration;

namespace MoA.Engine.Attention.Policies;

/// <summary>All policies. What reads their names, explains, completes, documents or draws them follows this table.</summary>
internal static class PolicyTable
{
    private static readonly PolicySetting Beta = PolicySetting.Whole("beta", 1, 1_000_000, $"how steep the pyramid is ({PyramidKvPolicy.DefaultBeta})");
    private static readonly PolicySetting Level = PolicySetting.Word("level", "what is chosen among (pair)", "pair", "uniform", "head");
    private static readonly PolicySetting Floor = PolicySetting.Number("floor", 0, 1, "part of an even share that each head is sure of (0.2)");
    private static readonly PolicySetting Recovery = PolicySetting.Number(
        "recovery", 0, 1, "share of its attention that must be left to a head (0.9)");
    private static readonly PolicySetting Heavy = PolicySetting.Number("heavy", 0, 1, "share of the text that tokens of most attention are (0.3)");
    private static readonly PolicySetting RecentTokens = PolicySetting.Number("recent", 0, 1, "share of the text that recent tokens are (0.3)");
    private static readonly PolicySetting Every = PolicySetting.Whole(
        "every", 1, 1_000_000, "tokens of an answer after which rows are chosen again (never)");
    private static readonly PolicySetting Local = PolicySetting.Number("local", 0, 1, "the window's share of the rows besides the sink (0.5)");
    private static readonly PolicySetting Representatives = PolicySetting.Whole(
        "representatives", 1, ElasticRule.BlockSize, $"tokens that represent a block ({InfLlmPolicy.DefaultRepresentatives})");

    /// <summary>All of them, in the order of the documentation.</summary>
    public static IReadOnlyList<PolicyDescriptor> All { get; } =
    [
        new(DensePolicy.CommandName, "dense", (_, _, _) => new DensePolicy()),
        new(PlanPolicy.CommandName, "plan", ContentPlanReader.Read, ContentPlanReader.Settings) { TakesPlan = true },
        new(
            StreamingLlmPolicy.CommandName, "uniform", (settings, _, _) => new StreamingLlmPolicy(settings.Budget()),
            PolicySetting.Density, PolicySetting.Span),
        new(
            H2oPolicy.CommandName, "#8f63d8", (settings, _, _) => new H2oPolicy(settings.Budget(), ScorerReader.Sums(settings).RecentShare),
            PolicySetting.Density, PolicySetting.Span, ScorerReader.Recent)
        { NeedsUnboundedLayer = true },
        new(
            TovaPolicy.CommandName, "#5b6fd6", (settings, _, _) => new TovaPolicy(settings.Budget()), PolicySetting.Density, PolicySetting.Span)
        { NeedsUnboundedLayer = true },
        new(
            SnapKvPolicy.CommandName, "#2f9e66", (settings, _, _) => new SnapKvPolicy(settings.Budget(), ScorerReader.Votes(settings, SnapKvPolicy.DefaultPooling)) { Every = settings.Optional(Every) },
            PolicySetting.Density, PolicySetting.Span, ScorerReader.Window, ScorerReader.Kernel, ScorerReader.Pooling, Every)
        { NeedsUnboundedLayer = true },
        new(
            PyramidKvPolicy.CommandName, "#d1497a",
            (settings, _, _) => new PyramidKvPolicy(
                settings.Budget(), ScorerReader.Votes(settings, SnapKvPolicy.DefaultPooling), settings.Whole(Beta, PyramidKvPolicy.DefaultBeta)) { Every = settings.Optional(Every) },
            PolicySetting.Density, PolicySetting.Span, ScorerReader.Window, ScorerReader.Kernel, ScorerReader.Pooling, Beta, Every)
        { NeedsUnboundedLayer = true },
        new(
            KeyDiffPolicy.CommandName, "#7a8b2f", (settings, _, _) => new KeyDiffPolicy(settings.Budget()) { Every = settings.Optional(Every) },
            PolicySetting.Density, PolicySetting.Span, Every)
        { NeedsUnboundedLayer = true },
        new(
            ExpectedAttentionPolicy.CommandName, "#c2572b",
            (settings, _, _) => new ExpectedAttentionPolicy(settings.Budget(), ScorerReader.Expected(settings)) { Every = settings.Optional(Every) },
            PolicySetting.Density, PolicySetting.Span, ScorerReader.Future, ScorerReader.Covariance, ScorerReader.ValueNorm, ScorerReader.Epsilon, Every)
        { NeedsUnboundedLayer = true },
        new(
            KvZipPolicy.CommandName, "#3f8f8a",
            (settings, _, _) => settings.HasAny([Every])
                ? throw ScoresNoAnswer(settings, KvZipPolicy.CommandName)
                : new KvZipPolicy(settings.Budget(), ReadLevel(settings), ScorerReader.Repetition(settings).Chunk),
            PolicySetting.Density, PolicySetting.Span, Level, ScorerReader.Chunk)
        { NeedsUnboundedLayer = true, ReadsTwice = true },
        new(
            AdaKvPolicy.CommandName, "#b03a9e",
            (settings, _, _) => ReadShared(settings),
            [PolicySetting.Density, PolicySetting.Span, Floor, Every, .. ScorerReader.Settings])
        { NeedsUnboundedLayer = true },
        new(
            FastGenPolicy.CommandName, "#946a4f",
            (settings, _, _) => new FastGenPolicy(new RecoveryScorer(
                settings.Number(Recovery, RecoveryScorer.DefaultRecovery), settings.Number(Heavy, RecoveryScorer.DefaultShare),
                settings.Number(RecentTokens, RecoveryScorer.DefaultShare))),
            Recovery, Heavy, RecentTokens)
        { NeedsUnboundedLayer = true },
        new(
            InfLlmPolicy.CommandName, "#a8841c",
            (settings, _, _) => new InfLlmPolicy(
                settings.Budget(), settings.Number(Local, 0.5), settings.Whole(Representatives, InfLlmPolicy.DefaultRepresentatives)),
            PolicySetting.Density, PolicySetting.Span, Local, Representatives)
        { NeedsUnboundedLayer = true },
        new(
            TwoClassPolicy.DuoName, "#2396aa", (settings, _, config) => TwoClassReader.Read(settings, TwoClassReader.DuoStreaming, config),
            TwoClassReader.Settings),
        new(
            TwoClassPolicy.RazorName, "#a0583a", (settings, _, config) => TwoClassReader.Read(settings, TwoClassReader.RazorStreaming, config),
            TwoClassReader.Settings),
    ];

    /// <summary>The policy of a name, or null.</summary>
    public static PolicyDescriptor? Find(string name) => All.FirstOrDefault(policy => policy.Name == name);

    /// <summary>Names in a row, such as <c>a, b or c</c>.</summary>
    /// <param name="policies">The policies to name.</param>
    /// <param name="last">What stands before the last: " or ", or ", ".</param>
    public static string Names(IEnumerable<PolicyDescriptor> policies, string last = ", ")
    {
        string[] names = [.. policies.Select(policy => policy.Name)];
        return names.Length < 2 ? string.Concat(names) : string.Join(", ", names[..^1]) + last + names[^1];
    }

    /// <summary>The colours of all policies in JSON, by name.</summary>
    internal static string ColorsToJson() =>
        $"{{{string.Join(',', All.Select(policy => $"\"{JsonEncodedText.Encode(policy.Name)}\":\"{JsonEncodedText.Encode(policy.Color)}\""))}}}";

    private static AdaKvPolicy ReadShared(PolicySettings settings)
    {
        RowScorer scorer = ScorerReader.Read(settings, ScorerReader.SharedEpsilon);
        int? every = settings.Optional(Every);
        if (every is not null && scorer.ReadsTwice)
            throw ScoresNoAnswer(settings, scorer.Name);
        return new AdaKvPolicy(settings.Budget(), scorer, settings.Number(Floor, AdaKvPolicy.DefaultFloor)) { Every = every };
    }

    private static InvalidInputException ScoresNoAnswer(PolicySettings settings, string scorer) =>
        settings.Error($"{Every.Key} chooses rows again by what is written, which {scorer} does not score; drop it or take another scorer");

    private static KvZipLevel ReadLevel(PolicySettings settings) => settings.Word(Level) switch
    {
        "head" => KvZipLevel.Head,
        "uniform" => KvZipLevel.Uniform,
        _ => KvZipLevel.Pair,
    };
}
