using MoA.Engine.Attention;
using MoA.Engine.Attention.Policies;
using MoA.Evaluation.Tasks;

namespace MoA.Evaluation.Comparison;

/// <summary>Policies on the same tasks in the order of their mean accuracy, with what they hold and how fast they are.</summary>
/// <param name="Model">The model's name.</param>
/// <param name="Question">Whether questions were <c>shown</c> before rows were chosen, or <c>hidden</c>.</param>
/// <param name="Length">Most tokens of prompt and answer together; null for the means over all lengths.</param>
/// <param name="Tasks">Tasks with their data sets, in the order of the entries' numbers.</param>
/// <param name="Entries">Dense attention first.</param>
internal sealed record Leaderboard(string Model, string Question, int? Length, IReadOnlyList<string> Tasks, IReadOnlyList<LeaderboardEntry> Entries)
{
    private const string Hidden = "hidden", Shown = "shown";

    /// <summary>A board for each model, way of asking and length, and one over all lengths where there are several.</summary>
    /// <param name="rows">Results; those without an accuracy are left out.</param>
    public static IReadOnlyList<Leaderboard> Of(IEnumerable<EvaluationMetrics> rows)
    {
        List<Leaderboard> boards = [];
        foreach (var asked in rows.Where(row => row.Accuracy is not null).GroupBy(row => (row.Model, Question: IsHidden(row) ? Hidden : Shown)))
        {
            int[] lengths = [.. asked.Select(row => row.Length).Distinct().Order()];
            if (lengths.Length > 1)
                boards.Add(Of(asked.Key.Model, asked.Key.Question, null, [.. asked]));
            boards.AddRange(lengths.Select(length => Of(asked.Key.Model, asked.Key.Question, length, [.. asked.Where(row => row.Length == length)])));
        }

        return boards;
    }

    private static Leaderboard Of(string model, string question, int? length, EvaluationMetrics[] rows)
    {
        string[] tasks = [.. rows.Select(TaskOf).Distinct().Order(StringComparer.Ordinal)];
        (string Task, int Length)[] cells = [.. rows.Select(CellOf).Distinct()];
        Dictionary<(string Task, int Length), EvaluationMetrics> dense = rows.Where(row => row.Policy == DensePolicy.CommandName)
            .GroupBy(CellOf).ToDictionary(group => group.Key, group => group.First());
        IEnumerable<LeaderboardEntry> entries = rows.GroupBy(row => row.PolicySetting)
            .Select(group => EntryOf([.. group.GroupBy(CellOf).Select(cell => cell.First())], tasks, cells, dense));
        return new Leaderboard(model, question, length, tasks,
        [
            .. entries.Concat(question == Shown ? PublishedScores.Shared.Of(model, length, tasks, rows) : [])
                .OrderBy(entry => entry.Policy == DensePolicy.CommandName ? 0 : 1)
                .ThenByDescending(entry => entry.Mean ?? -1)
                .ThenBy(entry => entry.PolicySetting, StringComparer.Ordinal),
        ]);
    }

    private static LeaderboardEntry EntryOf(
        EvaluationMetrics[] own, string[] tasks, (string Task, int Length)[] cells, Dictionary<(string Task, int Length), EvaluationMetrics> dense)
    {
        bool isWhole = own.Length == cells.Length;
        double mean = own.Average(row => row.Accuracy!.Value);
        return new LeaderboardEntry
        {
            Policy = own[0].Policy,
            PolicySetting = own[0].PolicySetting,
            Mean = isWhole ? mean : null,
            // From the distances of the tasks' ends on the same side: near 0 and 1 intervals are lopsided (MOVER, Zou and Donner 2008).
            Low = isWhole ? Math.Max(0, mean - Distance(row => row.Accuracy!.Value - (row.Low ?? 0))) : null,
            High = isWhole ? Math.Min(1, mean + Distance(row => (row.High ?? 1) - row.Accuracy!.Value)) : null,
            Tasks = [.. tasks.Select(task => MeanOf(own.Where(row => TaskOf(row) == task).Select(row => row.Accuracy)))],
            Density = own.Average(row => row.Density),
            StoredShare = Against(row => row.KvBytes),
            PeakShare = Against(row => row.PeakKvBytes),
            PromptSpeed = Against(row => row.PromptTokensPerSecond),
            AnswerSpeed = Against(row => row.AnswerTokensPerSecond),
            PromptReadings = PolicyReader.ReadsTwice(own[0].PolicySetting) ? 2 : 1,
        };

        double Distance(Func<EvaluationMetrics, double> side) => Math.Sqrt(own.Sum(row => side(row) * side(row))) / own.Length;

        double? Against(Func<EvaluationMetrics, double?> value) => MeanOf(own.Select(row =>
            dense.TryGetValue(CellOf(row), out EvaluationMetrics? full) && value(full) is > 0 ? value(row) / value(full) : null));
    }

    // The mean of what is there, or null if something is not.
    private static double? MeanOf(IEnumerable<double?> values)
    {
        double?[] all = [.. values];
        return all.Length > 0 && all.All(value => value is not null) ? all.Average() : null;
    }

    private static bool IsHidden(EvaluationMetrics row) => row.Dataset is string set && (set == Hidden || set.EndsWith("_" + Hidden, StringComparison.Ordinal));

    private static (string Task, int Length) CellOf(EvaluationMetrics row) => (TaskOf(row), row.Length);

    // Without the way of asking: the same items were asked both ways.
    private static string TaskOf(EvaluationMetrics row)
    {
        string? set = IsHidden(row) ? row.Dataset![..^Hidden.Length].TrimEnd('_') : row.Dataset;
        return string.IsNullOrEmpty(set) ? row.Task : $"{row.Task} {set}";
    }
}
