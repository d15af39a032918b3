using System.Text.Json;
using System.Text.Json.Serialization;
using MoA.Engine;
using MoA.Engine.Attention;
using MoA.Evaluation.Tasks;

namespace MoA.Evaluation.Comparison;

/// <summary>Results of many folders side by side.</summary>
/// <param name="Version">The program's version.</param>
/// <param name="Rows">Metrics by task, length, model and density, dense first.</param>
/// <param name="Boards">Policies in the order of their means over tasks.</param>
/// <param name="Effective">Effective contexts.</param>
internal sealed record ComparisonReport(
    string Version, IReadOnlyList<EvaluationMetrics> Rows, IReadOnlyList<Leaderboard> Boards, IReadOnlyList<EffectiveLength> Effective)
{
    /// <summary>Reads all finished results in folders and below.</summary>
    /// <param name="folders">Result folders, or folders that hold some.</param>
    /// <param name="version">The program's version.</param>
    /// <exception cref="InvalidInputException">A folder does not exist or holds no result, a file is damaged, or two results are called the same and are not
    /// (<see cref="ComparedResult.Distinguish"/>).</exception>
    public static ComparisonReport Read(IReadOnlyList<string> folders, string version)
    {
        ArgumentNullException.ThrowIfNull(folders);
        List<ComparedResult> results = [];
        HashSet<string> seen = [];
        foreach (string folder in folders)
        {
            IReadOnlyList<string> found = EvaluationFolder.FindAll(folder, finishedOnly: true);
            if (found.Count == 0)
                throw new InvalidInputException($"{folder}: no finished results (metrics.json) there or below; run moa eval first");
            results.AddRange(found.Where(result => seen.Add(Path.GetFullPath(result))).Select(ComparedResult.Read));
        }

        EvaluationMetrics[] sorted =
        [
            .. ComparedResult.Distinguish(results).OrderBy(row => row.Task, StringComparer.Ordinal).ThenBy(row => row.Dataset, StringComparer.Ordinal).ThenBy(row => row.Length)
                .ThenBy(row => row.Model, StringComparer.Ordinal).ThenByDescending(row => row.Density)
                .ThenBy(row => row.Policy == DensePolicy.CommandName ? 0 : 1).ThenBy(row => row.PolicySetting, StringComparer.Ordinal),
        ];
        return new ComparisonReport(version, sorted, Leaderboard.Of(sorted), EffectiveLength.Of(sorted));
    }

    /// <summary>The report in JSON, safe inside a page.</summary>
    internal string ToJson() => JsonSerializer.Serialize(this, ComparisonJson.Default.ComparisonReport);
}

[JsonSourceGenerationOptions(JsonSerializerDefaults.Web, NumberHandling = JsonNumberHandling.Strict)]
[JsonSerializable(typeof(ComparisonReport))]
internal sealed partial class ComparisonJson : JsonSerializerContext;
