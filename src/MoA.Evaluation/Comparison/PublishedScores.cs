using System.Text.Json;
using System.Text.Json.Serialization;
using MoA.Engine.Attention;
using MoA.Evaluation.Ruler;
using MoA.Evaluation.Tasks;

namespace MoA.Evaluation.Comparison;

/// <summary>What others published of the very model, tasks, length and setting of a <see cref="Leaderboard"/>: RULER's means over its tasks.</summary>
/// <param name="Source">Where it was published.</param>
/// <param name="Means">The means.</param>
internal sealed record PublishedScores(string Source, IReadOnlyList<PublishedMean> Means)
{
    private static readonly Lazy<PublishedScores> Loaded = new(Load);

    /// <summary>What comes with the program.</summary>
    public static PublishedScores Shared => Loaded.Value;

    /// <summary>The published entries that stand beside those of a board; none unless it has all of RULER's tasks, and no stand-in for the essays.</summary>
    /// <param name="model">The model's name; what stands before its last slash does not count.</param>
    /// <param name="length">Most tokens of prompt and answer together; null for means over lengths.</param>
    /// <param name="tasks">The board's tasks, their questions shown.</param>
    /// <param name="rows">The board's results.</param>
    public IEnumerable<LeaderboardEntry> Of(string model, int? length, IReadOnlyList<string> tasks, IEnumerable<EvaluationMetrics> rows)
    {
        IReadOnlyList<RulerTask> all = RulerData.Shared.Tasks;
        if (tasks.Count != all.Count || !all.All(task => tasks.Contains($"ruler {task.Name}")) || rows.Any(row => RulerSets.HasStandIn(row.Source)))
            return [];
        string name = model[(model.LastIndexOfAny(['/', '\\']) + 1)..];
        return Means.Where(mean => mean.Models.Contains(name, StringComparer.OrdinalIgnoreCase))
            .SelectMany(mean => mean.Accuracies.Where(accuracy => accuracy.Key == length))
            .Select(accuracy => new LeaderboardEntry
            {
                Policy = DensePolicy.CommandName,
                PolicySetting = DensePolicy.CommandName,
                Source = Source,
                Mean = accuracy.Value / 100,
                Tasks = new double?[tasks.Count],
                Density = 1,
            });
    }

    private static PublishedScores Load()
    {
        using Stream stream = typeof(PublishedScores).Assembly.GetManifestResourceStream("Comparison.published.json")
            ?? throw new InvalidOperationException("the assembly was built without its published.json");
        return JsonSerializer.Deserialize(stream, PublishedJson.Default.PublishedScores)!;
    }
}

[JsonSourceGenerationOptions(JsonSerializerDefaults.Web, RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(PublishedScores))]
internal sealed partial class PublishedJson : JsonSerializerContext;
