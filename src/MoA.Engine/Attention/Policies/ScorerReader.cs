using MoA.Engine.Attention.Scoring;

namespace MoA.Engine.Attention.Policies;

/// <summary>Reads what rows are worth from a policy's settings.</summary>
internal static class ScorerReader
{
    /// <summary>Expected Attention's least attention where heads share their rows, as in kvpress's leaderboard.</summary>
    public const double SharedEpsilon = 0.01;

    /// <summary>Which scorer is meant where a policy goes with several.</summary>
    public static readonly PolicySetting Scorer = PolicySetting.Word(
        "scorer", $"what rows are worth ({SnapKvPolicy.CommandName})", SnapKvPolicy.CommandName, ExpectedAttentionPolicy.CommandName, KeyDiffPolicy.CommandName,
        H2oPolicy.CommandName, KvZipPolicy.CommandName);

    /// <summary>H2O's.</summary>
    public static readonly PolicySetting Recent = PolicySetting.Number("recent", 0, 1, "share of the rows for the most recent tokens (0.5)");

    /// <summary>SnapKV's voters.</summary>
    public static readonly PolicySetting Window = PolicySetting.Whole("window", 1, ElasticRule.BlockSize, $"tokens that vote ({SnapKvPolicy.DefaultWindow})");

    /// <summary>SnapKV's smoothing.</summary>
    public static readonly PolicySetting Kernel = PolicySetting.Whole("kernel", 1, 1023, $"odd width of the pooling ({SnapKvPolicy.DefaultPooling.Width})");

    /// <summary>SnapKV's smoothing, how.</summary>
    public static readonly PolicySetting Pooling = PolicySetting.Word("pooling", "how votes are pooled (avg)", "avg", "max");

    /// <summary>Expected Attention's horizon.</summary>
    public static readonly PolicySetting Future = PolicySetting.Whole(
        "future", 1, 1_000_000, $"positions to come that are expected ({ExpectedAttentionScorer.DefaultFuture})");

    /// <summary>Expected Attention's second moment.</summary>
    public static readonly PolicySetting Covariance = PolicySetting.Word("covariance", "whether the spread of queries counts (yes)", "yes", "no");

    /// <summary>Expected Attention's weights.</summary>
    public static readonly PolicySetting ValueNorm = PolicySetting.Word("vnorm", "whether rows count by the length of their values (yes)", "yes", "no");

    /// <summary>Expected Attention's least attention.</summary>
    public static readonly PolicySetting Epsilon = PolicySetting.Number("epsilon", 0, 1, "added to attention before values count (0)");

    /// <summary>How much KVzip repeats at a time.</summary>
    public static readonly PolicySetting Chunk = PolicySetting.Whole("chunk", 1, 1_000_000, $"tokens that are repeated at a time ({RepetitionScorer.DefaultChunk})");

    /// <summary>The settings of all scorers.</summary>
    public static readonly IReadOnlyList<PolicySetting> Settings = [Scorer, Window, Kernel, Pooling, Recent, Future, Covariance, ValueNorm, Epsilon, Chunk];

    /// <summary>The scorer that the settings name.</summary>
    /// <param name="settings">The settings.</param>
    /// <param name="epsilon">Expected Attention's least attention unless they say otherwise.</param>
    public static RowScorer Read(PolicySettings settings, double epsilon = 0) => settings.Word(Scorer) switch
    {
        ExpectedAttentionPolicy.CommandName => Expected(settings, epsilon),
        KeyDiffPolicy.CommandName => new KeyDifferenceScorer(),
        H2oPolicy.CommandName => Sums(settings),
        KvZipPolicy.CommandName => Repetition(settings),
        _ => Votes(settings, AdaKvPolicy.DefaultPooling),
    };

    /// <summary>H2O's sums.</summary>
    public static AttentionSumScorer Sums(PolicySettings settings) => new(settings.Number(Recent, 0.5));

    /// <summary>KVzip's.</summary>
    public static RepetitionScorer Repetition(PolicySettings settings) => new(settings.Whole(Chunk, RepetitionScorer.DefaultChunk));

    /// <summary>SnapKV's votes.</summary>
    public static VoteScorer Votes(PolicySettings settings, ScorePooling pooling)
    {
        int window = settings.Whole(Window, SnapKvPolicy.DefaultWindow), width = settings.Whole(Kernel, pooling.Width);
        if (width % 2 == 0)
            throw settings.Error("expected an odd number as kernel");
        PoolingKind kind = !settings.HasAny([Pooling]) ? pooling.Kind : settings.Word(Pooling) == "avg" ? PoolingKind.Average : PoolingKind.Maximum;
        return new VoteScorer(window, new ScorePooling(kind, width));
    }

    /// <summary>Expected Attention's.</summary>
    public static ExpectedAttentionScorer Expected(PolicySettings settings, double epsilon = 0) => new(
        settings.Whole(Future, ExpectedAttentionScorer.DefaultFuture), settings.Word(Covariance) == "yes", settings.Word(ValueNorm) == "yes",
        settings.Number(Epsilon, epsilon));
}
