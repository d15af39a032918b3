using MoA.Engine.Configuration;

namespace MoA.Engine.Attention.Policies;

/// <summary>Reads policies of two classes of heads.</summary>
internal static class TwoClassReader
{
    /// <summary>A line a layer with a score for each head.</summary>
    public static readonly PolicySetting Scores = PolicySetting.Path("scores", "file of a line for each layer with a score for each head");

    /// <summary>What moa profile writes.</summary>
    public static readonly PolicySetting Profile = PolicySetting.Path("profile", "folder of moa profile, or one of its files, to take scores from");

    private static readonly PolicySetting Heads = PolicySetting.Number("heads", 0, 1, "share of the heads that keep everything") with { IsSize = true };
    private static readonly PolicySetting Streaming = PolicySetting.Number(
        "streaming", double.Epsilon, 1e9, "what the other heads keep: a share of the sequence up to 1, tokens above");

    /// <summary>Their settings.</summary>
    public static IReadOnlyList<PolicySetting> Settings { get; } = [PolicySetting.Density, Heads, Streaming, Scores, Profile];

    /// <summary>64 sinks and 256 recent tokens, as DuoAttention deploys its patterns.</summary>
    public static ElasticRule DuoStreaming { get; } = new(64 + 256, 0);

    /// <summary>A fifth of the context, as in RazorAttention.</summary>
    public static ElasticRule RazorStreaming { get; } = new(0, 0.2);

    /// <summary>The policy that settings stand for.</summary>
    /// <param name="settings">The settings.</param>
    /// <param name="streaming">What heads keep that are no retrieval heads, unless the settings say otherwise.</param>
    /// <param name="config">The model.</param>
    public static TwoClassPolicy Read(PolicySettings settings, ElasticRule streaming, ModelConfig config)
    {
        double size = settings.Number(Streaming, double.NaN);
        if (double.IsFinite(size))
            streaming = size <= 1 ? new ElasticRule(0, size) : new ElasticRule(size, 0);
        double density = settings.Density() ?? double.NaN;
        double heads = settings.Number(Heads, double.NaN);
        if (double.IsNaN(density) == double.IsNaN(heads))
            throw settings.Error($"give {settings.Name} either a density or a share of retrieval heads, as in {settings.Name}:density=0.5");
        string? scoreFile = settings.Path(Scores), profile = settings.Path(Profile);
        if (scoreFile is null == profile is null)
        {
            throw settings.Error(
                $"give {settings.Name} either scores=FILE, one line a layer with a score for each head, or profile=FOLDER of moa profile");
        }

        double[][] scores = scoreFile is not null ? HeadScores.ReadFile(scoreFile, config)
            : settings.ProfileScores?.Invoke(profile!, streaming, config) ?? throw settings.Error("no profiles are read here; give scores=FILE in place of profile");
        return double.IsNaN(heads)
            ? TwoClassPolicy.OfDensity(settings.Name, scores, streaming, density)
            : TwoClassPolicy.OfRetrievalShare(settings.Name, scores, streaming, heads);
    }
}
