using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using MoA.Evaluation.Reports;

namespace MoA.Evaluation.Tests.Reports;

public sealed partial class ReportPageTests : IDisposable
{
    /// <summary>Of echarts.min.js in the npm package echarts 6.1.0, which is embedded as published.</summary>
    private const string PublishedChartsHash = "b66b25aeb4df84e33199dc21694014d336d222cbd9deb0e5a7c14bd6aa0d0fd0";

    private readonly string _folder = Directory.CreateTempSubdirectory("moa-page").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Data_in_the_page_are_the_report()
    {
        CompressionReport report = SampleReport.Create();
        string page = Path.Combine(_folder, "report.html");
        ReportPage.Write(report, page);

        string data = Data().Match(File.ReadAllText(page)).Groups[1].Value;
        string json = Path.Combine(_folder, "data.json");
        File.WriteAllText(json, data);

        Assert.Equal(report.ToJson(), CompressionReport.Read(json).ToJson());
    }

    [Fact]
    public void Page_loads_nothing_from_elsewhere()
    {
        string page = ReportPage.Render(SampleReport.Create());
        string own = page.Replace(ReportPage.Asset("echarts.min.js"), "", StringComparison.Ordinal);

        Assert.Contains("Content-Security-Policy\" content=\"default-src 'none';", page, StringComparison.Ordinal);
        Assert.DoesNotContain("://", own, StringComparison.Ordinal);
        Assert.Empty(Loads().Matches(own));
        Assert.DoesNotContain("{{", own, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("</script><script>alert(1)</script>")]
    [InlineData("<!--<script>")]
    [InlineData("</title><img src=x onerror=alert(1)>")]
    [InlineData("\"><b>&amp; 'quoted'")]
    [InlineData("{{data}} {{page}} $1 $& \u2028 \\")]
    [InlineData("Модель 模型 😀")]
    public void Hostile_names_stay_text(string name)
    {
        CompressionReport report = SampleReport.Create(name) with { Notes = [name] };

        string page = ReportPage.Render(report);
        string plain = ReportPage.Render(SampleReport.Create());

        foreach (Regex tags in new[] { Tags(), Comments() })
            Assert.Equal(tags.Count(plain), tags.Count(page));
        Assert.Equal(name, WebUtility.HtmlDecode(Heading().Match(page).Groups[1].Value));
        string json = Path.Combine(_folder, "data.json");
        File.WriteAllText(json, Data().Match(page).Groups[1].Value);
        Assert.Equal(name, CompressionReport.Read(json).Notes[0]);
    }

    [Theory]
    [InlineData("echarts.min.js")]
    [InlineData("charts.js")]
    [InlineData("report.js")]
    public void Scripts_cannot_end_their_own_element(string asset)
    {
        string script = ReportPage.Asset(asset);

        Assert.DoesNotContain("</script", script, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("<!--", script, StringComparison.Ordinal);
    }

    [Fact]
    public void Chart_library_is_the_published_file()
    {
        byte[] hash = SHA256.HashData(Encoding.UTF8.GetBytes(ReportPage.Asset("echarts.min.js")));

        Assert.Equal(PublishedChartsHash, Convert.ToHexStringLower(hash));
    }

    [GeneratedRegex("<script type=\"application/json\" id=\"data\">(.*?)</script>", RegexOptions.Singleline)]
    private static partial Regex Data();

    [GeneratedRegex("<h1[^>]*>(.*?)</h1>", RegexOptions.Singleline)]
    private static partial Regex Heading();

    [GeneratedRegex(
        @"\s(src|srcset)\s*=|<link|<iframe|<object|<embed|@import|url\(|href=""(?!#)|fetch\(|XMLHttpRequest|import\(")]
    private static partial Regex Loads();

    [GeneratedRegex("</?(script|style|title|img|b)\\b", RegexOptions.IgnoreCase)]
    private static partial Regex Tags();

    [GeneratedRegex("<!--")]
    private static partial Regex Comments();
}
