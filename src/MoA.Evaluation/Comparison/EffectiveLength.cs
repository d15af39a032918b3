using MoA.Evaluation.Tasks;

namespace MoA.Evaluation.Comparison;

/// <summary>
/// How long inputs may get before a policy loses what they say: the longest measured input at which accuracy stays at 90%
/// or more, at every measured length up to it, as arXiv 2406.14909 defines it.
/// </summary>
/// <param name="Model">The model's name.</param>
/// <param name="Task">The task, with its data set.</param>
/// <param name="PolicySetting">The policy with its settings.</param>
/// <param name="Tokens">The effective context in tokens, or null if the shortest measured input is already too long.</param>
/// <param name="MeanSpan">Rows kept there, the mean over heads; null without an effective context.</param>
/// <param name="ShortestMeasured">The shortest measured length in tokens.</param>
/// <param name="LongestMeasured">The longest measured length in tokens; the effective context may lie beyond it if they are equal.</param>
internal sealed record EffectiveLength(
    string Model, string Task, string PolicySetting, int? Tokens, int? MeanSpan, int ShortestMeasured, int LongestMeasured)
{
    /// <summary>Accuracy that an effective context needs.</summary>
    public const double Threshold = 0.9;

    /// <summary>The effective context of every policy that was measured at two lengths or more, on retrieval and needles.</summary>
    public static IReadOnlyList<EffectiveLength> Of(IEnumerable<EvaluationMetrics> rows) =>
    [
        .. rows.Where(row => row.Accuracy is not null && row.Task is "retrieval" or "needle")
            .GroupBy(row => (row.Model, row.TaskName, row.PolicySetting))
            .Select(group => (group.Key, Rows: group.OrderBy(row => row.Length).ToArray()))
            .Where(group => group.Rows.Select(row => row.Length).Distinct().Count() > 1)
            .Select(group => Of(group.Key, group.Rows)),
    ];

    private static EffectiveLength Of((string Model, string Task, string PolicySetting) key, EvaluationMetrics[] rows)
    {
        EvaluationMetrics? last = rows.TakeWhile(row => row.Accuracy >= Threshold).LastOrDefault();
        return new EffectiveLength(
            key.Model, key.Task, key.PolicySetting, last?.Length, last is null ? null : (int)Math.Round(last.Density * last.Length),
            rows[0].Length, rows[^1].Length);
    }
}
