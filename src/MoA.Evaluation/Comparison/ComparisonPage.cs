using MoA.Engine;
using MoA.Evaluation.Reports;

namespace MoA.Evaluation.Comparison;

/// <summary>
/// A <see cref="ComparisonReport"/> as one page that opens anywhere: accuracy against density, by length and by depth, memory and
/// speed. Everything is inside the file, and it may load nothing else.
/// </summary>
public static class ComparisonPage
{
    /// <summary>Writes the page; an existing file is replaced once the new one is complete.</summary>
    /// <exception cref="InvalidInputException">The file cannot be written.</exception>
    public static void Write(ComparisonReport report, string path)
    {
        ArgumentNullException.ThrowIfNull(report);
        WholeFile.WriteText(path, Render(report));
    }

    /// <summary>The page as text.</summary>
    internal static string Render(ComparisonReport report) => ReportPage.Fill("compare.html", part => part switch
    {
        "style" => ReportPage.Asset("report.css"),
        "data" => report.ToJson(),
        "echarts" => ReportPage.Asset("echarts.min.js"),
        "charts" => ReportPage.Asset("charts.js"),
        "page" => ReportPage.Asset("compare.js"),
        _ => null,
    });
}
