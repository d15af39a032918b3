using System.Text.Json;
using MoA.Evaluation.Metrics;
using MoA.Evaluation.Tasks;
using MoA.Tests;

namespace MoA.Evaluation.Tests.Metrics;

/// <summary>Scores and words that the published Python code gives (tests/fixtures/metrics/README.md).</summary>
public sealed class PublishedMetricsTests
{
    private static readonly JsonElement Cases =
        JsonDocument.Parse(File.ReadAllText(RepositoryFiles.Fixture("metrics", "cases.json"))).RootElement;

    private readonly AnswerScorer _scorer = new(RepositoryFiles.Fixture("metrics", "jieba"));

    [Theory]
    [InlineData("qa-f1", 25)]
    [InlineData("rouge-l", 30)]
    [InlineData("keyword-f1", 25)]
    [InlineData("qa-f1-zh", 25)]
    [InlineData("rouge-l-zh", 25)]
    [InlineData("keyword-f1-zh", 50)]
    [InlineData("rouge-l-zh-keywords", 25)]
    [InlineData("classification", 40)]
    [InlineData("paragraph", 6)]
    [InlineData("count", 4)]
    [InlineData("code-similarity", 31)]
    public void Scores_are_those_of_the_published_code(string metric, int least)
    {
        JsonElement[] cases = [.. Cases.GetProperty("cases").EnumerateArray().Where(entry => entry.GetProperty("metric").GetString() == metric)];
        Assert.True(cases.Length >= least);
        foreach (JsonElement entry in cases)
        {
            ItemReference reference = new()
            {
                Answers = [entry.GetProperty("answer").GetString()!],
                Classes = entry.GetProperty("classes") is { ValueKind: JsonValueKind.Array } classes
                    ? [.. classes.EnumerateArray().Select(name => name.GetString()!)] : null,
                Keywords = entry.GetProperty("keywords").GetString(),
            };
            double score = _scorer.Score(metric, entry.GetProperty("prediction").GetString()!, reference);
            Assert.True(Math.Abs(entry.GetProperty("expected").GetDouble() - score) < 1e-12, $"{score} for {entry}");
        }
    }

    [Fact]
    public void Words_are_those_of_jieba()
    {
        JiebaSegmenter segmenter = JiebaSegmenter.Load(RepositoryFiles.Fixture("metrics", "jieba"));
        foreach (JsonElement entry in Cases.GetProperty("segmentations").EnumerateArray())
        {
            string[] words = [.. entry.GetProperty("words").EnumerateArray().Select(word => word.GetString()!)];
            Assert.Equal(words, segmenter.Cut(entry.GetProperty("text").GetString()!));
        }
    }
}
