using System.Globalization;
using System.Text.Json;

namespace MoA.Tests.Commands;

/// <summary><c>moa heads</c> writes what <c>scores=FILE</c> reads.</summary>
public sealed class HeadsCommandTests : IDisposable
{
    private static readonly string Model = RepositoryFiles.Fixture("models", "llama-gqa-llama3");

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("kvzip", null, 1)]
    [InlineData("duo", null, 3)]
    [InlineData("duo", "2", 2)]
    public void Scores_that_are_written_are_read_by_policies(string by, string? items, int texts)
    {
        string file = _folder["heads.tsv"];
        string[] line = ["heads", "--by", by, "--model", Model, "--data", Data(), "--out", file];
        JsonElement result = Invocation.Json(items is null ? line : [.. line, "--items", items]);
        Assert.Equal((by, texts, file), (result.GetProperty("by").GetString(), result.GetProperty("items").GetInt32(), result.GetProperty("file").GetString()));
        Assert.Equal(texts switch { 1 => 150, 2 => 150 + 100, _ => 150 + 100 + 80 }, result.GetProperty("tokens").GetInt32());
        double[][] scores = [.. result.GetProperty("scores").EnumerateArray().Select(layer => layer.EnumerateArray().Select(score => score.GetDouble()).ToArray())];
        double[][] written = [.. File.ReadAllLines(file).Select(layer => layer.Split('\t').Select(score => double.Parse(score, CultureInfo.InvariantCulture)).ToArray())];
        Assert.Equal([2, 2], scores.Select(layer => layer.Length));
        Assert.Equal(scores.SelectMany(layer => layer).Select(score => Math.Round(score, 7)), written.SelectMany(layer => layer).Select(score => Math.Round(score, 7)));

        Invocation shown = Invocation.Of([.. line, "--quiet"]);
        Assert.Equal(0, shown.ExitCode);
        Assert.Contains($"{file}", shown.Output, StringComparison.Ordinal);
        JsonElement scored = Invocation.Json("score", "--model", Model, "--data", Data(), "--policy", $"duo-attention:density=0.9,scores={file}");
        Assert.Equal(3, scored.GetProperty("items").GetArrayLength());
    }

    /// <summary>A journal that holds two of three texts is gone on from, and gives what an uninterrupted run gives.</summary>
    [Theory]
    [InlineData("kvzip")]
    [InlineData("duo")]
    public void An_interrupted_run_goes_on(string by)
    {
        string file = _folder["heads.tsv"], journal = file + ".journal.jsonl";
        string[] line = ["heads", "--by", by, "--items", "3", "--model", Model, "--data", Data(), "--out", file];
        JsonElement said = Invocation.Json([.. line, "--dry-run"]);
        Assert.Equal([file, journal], said.GetProperty("writes").EnumerateArray().Select(path => path.GetString()));
        // 150 tokens, in whole blocks of 64, in F32; of kvzip's a second copy.
        long caches = said.GetProperty("memory").EnumerateArray().Single(part => part.GetProperty("part").GetString() == "KV caches").GetProperty("bytes").GetInt64();
        Assert.True(caches >= (by == "kvzip" ? 2 : 1) * 2 * 2 * 192 * 2 * 16 * 4L, $"{caches} bytes");
        Assert.False(File.Exists(file) || File.Exists(journal));

        string whole = Invocation.Json(line).ToString();
        string scores = File.ReadAllText(file);
        string[] lines = File.ReadAllLines(journal);
        Assert.Equal(3, lines.Length);
        File.WriteAllText(journal, $"{lines[0]}\n{lines[1]}\n{lines[2][..20]}");
        File.Delete(file);
        Assert.Equal(whole, Invocation.Json(line).ToString());
        Assert.Equal(scores, File.ReadAllText(file));
        Assert.Equal(lines, File.ReadAllLines(journal));

        // What stands there is taken: a changed number of the first text shows.
        File.WriteAllText(journal, $"{lines[0][..lines[0].LastIndexOf('[')]}[9,9,9,9]}}\n");
        double least = Invocation.Json(line).GetProperty("scores").EnumerateArray().SelectMany(layer => layer.EnumerateArray()).Min(score => score.GetDouble());
        Assert.True(least >= 3, $"{least}");
    }

    [Fact]
    public void What_cannot_be_measured_is_refused_in_one_line()
    {
        Invocation.Of("heads", "--by", "influence", "--model", Model, "--data", Data()).AssertRefused("--by influence", "expected kvzip or duo");
        Invocation.Of("heads", "--by", "duo", "--model", Model, "--data", _folder["none.jsonl"]).AssertRefused("none.jsonl");
        Invocation.Of("heads", "--by", "duo", "--model", Model, "--data", Data(), "--items", "0").AssertRefused("--items 0");
    }

    private string Data() => _folder.Write("texts.jsonl", string.Concat(
        new[] { 100, 150, 80 }.Select(count => $"{{\"tokens\":[{string.Join(',', Enumerable.Range(0, count).Select(i => i * i % 113 + 3))}]}}\n")));
}
