using System.Text.Json;
using System.Text.RegularExpressions;
using MoA.Engine;
using MoA.Engine.Numerics;
using MoA.Evaluation.Comparison;
using MoA.Evaluation.Reports;
using MoA.Evaluation.Retrieval;
using MoA.Evaluation.Tasks;

namespace MoA.Evaluation.Tests.Comparison;

public sealed partial class ComparisonTests(DemoModel demo) : IClassFixture<DemoModel>
{
    /// <summary>The paper's definition: the longest input up to which accuracy never falls below 90 %.</summary>
    [Fact]
    public void Effective_context_ends_before_the_first_length_that_fails()
    {
        EvaluationMetrics[] rows =
        [
            Row("a", 4096, 0.95), Row("a", 1024, 1), Row("a", 2048, 0.9), Row("a", 8192, 0.89), Row("a", 16384, 1),
            Row("b", 1024, 0.5), Row("b", 2048, 1), Row("c", 1024, 1),
        ];
        IReadOnlyList<EffectiveLength> effective = EffectiveLength.Of(rows);
        Assert.Equal(["a", "b"], effective.Select(entry => entry.PolicySetting)); // one length tells nothing
        Assert.Equal((4096, 1024, 1024, 16384), (effective[0].Tokens, effective[0].MeanSpan, effective[0].ShortestMeasured, effective[0].LongestMeasured));
        Assert.Null(effective[1].Tokens);
    }

    [Fact]
    public void Folders_are_read_sorted_and_once()
    {
        string folder = demo.NewPath();
        EvaluationRun run = new(demo.Model, new EvaluationSettings { Folder = folder });
        PolicyChoice window = PolicyChoice.Read("streaming-llm:density=0.5", null, demo.Model.Config);
        foreach (PolicyChoice choice in new[] { window, PolicyChoice.Dense })
            _ = run.Run(RetrievalEvaluation.ItemsOf(demo.Model, RetrievalEvaluation.CreateSet(demo.Model, 256, 2, 0), "t"), choice);
        ComparisonReport report = ComparisonReport.Read([folder, Directory.GetDirectories(folder)[0]], "1");
        Assert.Equal(["dense", "streaming-llm:density=0.5"], report.Rows.Select(row => row.PolicySetting));
        string empty = demo.NewPath();
        Assert.Throws<InvalidInputException>(() => ComparisonReport.Read([empty], "1"));
        _ = Directory.CreateDirectory(empty);
        Assert.Contains("no finished results", Assert.Throws<InvalidInputException>(() => ComparisonReport.Read([empty], "1")).Message, StringComparison.Ordinal);
    }

    /// <summary>Hidden questions are another task than shown ones.</summary>
    [Fact]
    public void Effective_contexts_of_hidden_questions_are_their_own()
    {
        EvaluationMetrics[] rows =
        [
            Row("a", 1024, 1), Row("a", 2048, 0.95),
            Row("a", 1024, 0.5) with { Dataset = "hidden" }, Row("a", 2048, 0.4) with { Dataset = "hidden" },
        ];
        Assert.Equal(
            [("retrieval", (int?)2048), ("retrieval hidden", null)], EffectiveLength.Of(rows).Select(entry => (entry.Task, entry.Tokens)));
    }

    /// <summary>Nothing is dropped: caches of other formats are other models, plans of the same path other policies; copies count once, other items are an error.</summary>
    [Fact]
    public void Results_of_the_same_name_are_told_apart()
    {
        EvaluationSet set = RetrievalEvaluation.ItemsOf(demo.Model, RetrievalEvaluation.CreateSet(demo.Model, 256, 1, 0), "t");
        string first = Run(set, ElementType.BF16), rounded = Run(set, ElementType.Q8_0), others = Run(set with { Source = "u" }, ElementType.BF16);
        ComparisonReport report = ComparisonReport.Read([first, rounded], "1");
        Assert.Equal(["demo, bf16 caches", "demo, q8_0 caches"], report.Rows.Select(row => row.Model));
        Assert.Equal(["demo, bf16 caches", "demo, q8_0 caches"], report.Boards.Select(board => board.Model));
        string message = Assert.Throws<InvalidInputException>(() => ComparisonReport.Read([first, others], "1")).Message;
        Assert.EndsWith("(source: u; there: t); compare them apart", message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', message);

        string copy = demo.NewPath();
        foreach (string file in Directory.GetFiles(Directory.GetDirectories(first)[0]))
        {
            _ = Directory.CreateDirectory(Path.Combine(copy, "x"));
            File.Copy(file, Path.Combine(copy, "x", Path.GetFileName(file)));
        }

        Assert.Equal("demo", Assert.Single(ComparisonReport.Read([first, copy], "1").Rows).Model);
        string configuration = Path.Combine(copy, "x", "configuration.json");
        File.WriteAllText(configuration, File.ReadAllText(configuration)
            .Replace("\"policyIdentity\": \"dense\"", "\"policyIdentity\": \"dense 1\"", StringComparison.Ordinal)
            .Replace("\"policyLabel\": \"dense\"", "\"policyLabel\": \"dense-1\"", StringComparison.Ordinal));
        Assert.Equal(["dense (dense)", "dense (dense-1)"], ComparisonReport.Read([first, copy], "1").Rows.Select(row => row.PolicySetting));

        string Run(EvaluationSet items, ElementType format)
        {
            string folder = demo.NewPath();
            _ = new EvaluationRun(demo.Model, new EvaluationSettings { Folder = folder, CacheType = format }).Run(items, PolicyChoice.Dense);
            return folder;
        }
    }

    [Fact]
    public void The_page_holds_the_data_loads_nothing_and_keeps_hostile_names_text()
    {
        const string Hostile = "</script><script>alert(1)</script>{{page}}";
        EvaluationMetrics[] rows = [Row(Hostile, 512, 0.5)];
        string page = ComparisonPage.Render(new ComparisonReport("1.0", rows, Leaderboard.Of(rows), EffectiveLength.Of(rows)));
        string plain = ComparisonPage.Render(new ComparisonReport("1.0", [Row("x", 512, 0.5)], [], []));
        Assert.Equal(Scripts().Count(plain), Scripts().Count(page));
        using JsonDocument data = JsonDocument.Parse(Data().Match(page).Groups[1].Value);
        JsonElement row = Assert.Single(data.RootElement.GetProperty("rows").EnumerateArray());
        Assert.Equal((Hostile, 0.5), (row.GetProperty("policySetting").GetString(), row.GetProperty("accuracy").GetDouble()));
        string own = page.Replace(ReportPage.Asset("echarts.min.js"), "", StringComparison.Ordinal);
        Assert.Contains("Content-Security-Policy\" content=\"default-src 'none';", page, StringComparison.Ordinal);
        Assert.DoesNotContain("://", own, StringComparison.Ordinal);
        Assert.DoesNotContain("{{", plain.Replace(ReportPage.Asset("echarts.min.js"), "", StringComparison.Ordinal), StringComparison.Ordinal);
        Assert.DoesNotContain("</script", ReportPage.Asset("compare.js"), StringComparison.OrdinalIgnoreCase);
    }

    private static EvaluationMetrics Row(string setting, int length, double accuracy) => new()
    {
        Task = "retrieval",
        Model = "m",
        Policy = "p",
        PolicySetting = setting,
        Length = length,
        Items = 100,
        Accuracy = accuracy,
        Low = 0,
        High = 1,
        Density = 0.25,
        KvBytes = 1000,
    };

    [GeneratedRegex("</?script\\b", RegexOptions.IgnoreCase)]
    private static partial Regex Scripts();

    [GeneratedRegex("<script type=\"application/json\" id=\"data\">(.*?)</script>", RegexOptions.Singleline)]
    private static partial Regex Data();
}
