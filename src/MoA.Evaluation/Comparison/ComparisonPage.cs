using MoA.Engine;
using MoA.Engine.Attention.Policies;
using MoA.Evaluation.Reports;

namespace MoA.Evaluation.Comparison;

/// <summary>
/// A <see cref="ComparisonReport"/> as one page that opens anywhere: a leaderboard, accuracy against density, by length and by depth, memory and
/// speed. Everything is inside the file, and it may load nothing else.
/// </summary>
internal static class ComparisonPage
{
    /// <summary>The page's name where none is given.</summary>
    public const string FileName = "compare.html";

    private const string Mark = "Mixture of Attention · evaluation";

    /// <summary>Writes the page; an older one is replaced once the new one is complete, a file of anyone else never.</summary>
    /// <exception cref="InvalidInputException">The file cannot be written, or is there and no such page.</exception>
    public static void Write(ComparisonReport report, string path)
    {
        ArgumentNullException.ThrowIfNull(report);
        if (File.Exists(path) && !File.ReadLines(path).Any(line => line.Contains(Mark, StringComparison.Ordinal)))
            throw new InvalidInputException($"{path}: is there already and no page of moa eval compare; move it away, or name another --page");
        WholeFile.WriteText(path, Render(report));
    }

    /// <summary>The page as text.</summary>
    internal static string Render(ComparisonReport report) => ReportPage.Fill(FileName, part => part switch
    {
        "style" => ReportPage.Asset("report.css"),
        "data" => report.ToJson(),
        "colors" => PolicyTable.ColorsToJson(),
        "echarts" => ReportPage.Asset("echarts.min.js"),
        "charts" => ReportPage.Asset("charts.js"),
        "page" => ReportPage.Asset("compare.js"),
        _ => null,
    });
}
