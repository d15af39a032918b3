using System.Reflection;
using System.Text.Encodings.Web;
using System.Text.RegularExpressions;
using MoA.Engine;

namespace MoA.Evaluation.Reports;

/// <summary>
/// <c>report.html</c>: a <see cref="CompressionReport"/> as one page that opens anywhere. Styles, scripts, charts and
/// data are all inside the file, and its content security policy forbids it to load anything else.
/// </summary>
internal static partial class ReportPage
{
    /// <summary>Writes the page; an existing file is replaced once the new one is complete.</summary>
    /// <param name="report">What to show.</param>
    /// <param name="path">The HTML file.</param>
    /// <exception cref="ArgumentException">A number of the report is not finite.</exception>
    /// <exception cref="InvalidInputException">The file cannot be written.</exception>
    public static void Write(CompressionReport report, string path) => WholeFile.WriteText(path, Render(report));

    /// <summary>The page as text.</summary>
    internal static string Render(CompressionReport report)
    {
        ArgumentNullException.ThrowIfNull(report);
        string model = HtmlEncoder.Default.Encode(report.Model.Name);

        return Fill("report.html", part => part switch
        {
            "title" => $"{model} · MoA search report",
            "model" => model,
            "style" => Asset("report.css"),
            "data" => report.ToJson(),
            "echarts" => Asset("echarts.min.js"),
            "charts" => Asset("charts.js"),
            "page" => Asset("report.js"),
            _ => null,
        });
    }

    /// <summary>An embedded page with its parts put in.</summary>
    /// <param name="template">The page's name.</param>
    /// <param name="partOf">The text of a part by its name, or null if there is none.</param>
    internal static string Fill(string template, Func<string, string?> partOf) =>
        // One pass over the template alone, so that nothing in the data can pass for a place holder.
        PlaceHolder().Replace(Asset(template), match => partOf(match.Groups[1].Value)
            ?? throw new InvalidOperationException($"{template} names an unknown part '{match.Groups[1].Value}'."));

    /// <summary>The text of an embedded file.</summary>
    internal static string Asset(string name)
    {
        using Stream stream = Assembly.GetExecutingAssembly().GetManifestResourceStream($"Reports.{name}")
            ?? throw new InvalidOperationException($"The embedded file '{name}' is missing.");
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }

    [GeneratedRegex(@"\{\{(\w+)\}\}")]
    private static partial Regex PlaceHolder();
}
