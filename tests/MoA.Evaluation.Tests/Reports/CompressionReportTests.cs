using System.Text.Json;
using MoA.Engine;
using MoA.Engine.Attention;
using MoA.Evaluation.Reports;

namespace MoA.Evaluation.Tests.Reports;

public sealed class CompressionReportTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("moa-report").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Written_report_reads_back_the_same()
    {
        string path = Path.Combine(_folder, "new", "report.json");
        CompressionReport report = SampleReport.Create("naïve \"model\" </script>");

        report.Write(path);
        CompressionReport read = CompressionReport.Read(path);

        Assert.Equal(report.ToJson(), read.ToJson());
        Assert.Equal("naïve \"model\" </script>", read.Model.Name);
        Assert.Equal(HeadKind.KeyValue, read.Plan.HeadKind);
        Assert.Equal([128, 512], read.Plan.Spans[512][0].Order());
        Assert.Equal([1, null, 0.5], read.Retrieval[0].ByDepth);
        Assert.Equal(1e-7f, read.Influence[0].Values[2][1]);
        Assert.Null(read.Plans[1].ValidationLoss);
        Assert.Equal(["report.json"], Directory.GetFiles(Path.Combine(_folder, "new")).Select(Path.GetFileName));
    }

    [Fact]
    public void Fields_have_the_names_that_outside_checks_rely_on()
    {
        using JsonDocument document = JsonDocument.Parse(SampleReport.Create().ToJson());
        JsonElement root = document.RootElement;

        JsonElement objective = root.GetProperty("objectives")[0];
        Assert.Equal(256, objective.GetProperty("length").GetInt32());
        Assert.Equal(0.5, objective.GetProperty("loss").GetDouble());
        Assert.Equal(0.4995, objective.GetProperty("lowerBound").GetDouble());
        Assert.Equal(0.001, objective.GetProperty("relativeGap").GetDouble());

        JsonElement plan = root.GetProperty("plans")[0];
        Assert.Equal("plan-00.json", plan.GetProperty("file").GetString());
        Assert.Equal(0.5, plan.GetProperty("losses").GetProperty("256").GetDouble());
        Assert.Equal(0.75, plan.GetProperty("densities").GetProperty("256").GetDouble());
        Assert.Equal(0.37, plan.GetProperty("validationInterval").GetProperty("high").GetDouble());
        Assert.True(plan.GetProperty("chosen").GetBoolean());

        Assert.Equal(12, root.GetProperty("rules").GetInt32());
        Assert.Equal("keyValue", root.GetProperty("plan").GetProperty("headKind").GetString());
        Assert.Equal(128, root.GetProperty("plan").GetProperty("spans").GetProperty("512")[0][1].GetInt32());
        Assert.Equal(49_152, root.GetProperty("retrieval")[1].GetProperty("kvBytes").GetInt64());
        Assert.Equal(2, root.GetProperty("model").GetProperty("queryHeads").GetInt32());
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("[1, 2]")]
    [InlineData("{\"format\":\"moa-report/1\"}")]
    [InlineData("{\"format\":")]
    public void File_that_is_no_report_is_refused_by_name(string text)
    {
        string path = Path.Combine(_folder, "report.json");
        File.WriteAllText(path, text);

        var error = Assert.Throws<InvalidInputException>(() => CompressionReport.Read(path));

        Assert.StartsWith(path, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    [Theory]
    [InlineData("\"moa-report/1\"", "\"moa-report/9\"")]
    [InlineData("\"keyValue\"", "\"layer\"")]
    [InlineData("\"256\":0.5", "\"short\":0.5")]
    [InlineData("\"notes\":[\"Made by hand.\"]", "\"notes\":null")]
    [InlineData("\"rules\":12", "\"rules\":1e99")]
    public void Report_with_one_bad_value_is_refused(string good, string bad)
    {
        string path = Path.Combine(_folder, "report.json");
        string text = SampleReport.Create().ToJson();
        Assert.Contains(good, text, StringComparison.Ordinal);
        File.WriteAllText(path, text.Replace(good, bad, StringComparison.Ordinal));

        Assert.Throws<InvalidInputException>(() => CompressionReport.Read(path));
    }

    [Fact]
    public void Missing_file_is_refused() =>
        Assert.Throws<InvalidInputException>(() => CompressionReport.Read(Path.Combine(_folder, "none.json")));

    [Fact]
    public void Number_that_is_not_finite_is_never_written()
    {
        CompressionReport report = SampleReport.Create() with { Seconds = double.NaN };

        Assert.Throws<ArgumentException>(() => report.Write(Path.Combine(_folder, "report.json")));

        Assert.Empty(Directory.GetFiles(_folder));
    }

    [Fact]
    public void Folder_that_cannot_be_written_is_bad_input_and_nothing_stays_behind()
    {
        string file = Path.Combine(_folder, "file");
        File.WriteAllText(file, "kept");
        CompressionReport report = SampleReport.Create();

        Assert.Throws<InvalidInputException>(() => report.Write(Path.Combine(file, "report.json")));
        Assert.Throws<InvalidInputException>(() => report.Write(_folder));
        Assert.Throws<InvalidInputException>(() => ReportPage.Write(report, Path.Combine(file, "report.html")));

        Assert.Equal([file], Directory.GetFileSystemEntries(_folder));
        Assert.Empty(Directory.GetFiles(Path.GetDirectoryName(_folder)!, Path.GetFileName(_folder) + "*"));
        Assert.Equal("kept", File.ReadAllText(file));
    }
}
