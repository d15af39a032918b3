using MoA.Engine;
using MoA.Search.Calibration;

namespace MoA.Search.Tests.Calibration;

public class CalibrationMixTests
{
    private static readonly TokenCounter Counter = Counters.Of("words");

    [Fact]
    public void Mixes_sorts_evenly_at_every_length()
    {
        IReadOnlyList<GeneratedItem> items = CalibrationMix.Create(CalibrationSplit.Calibration, [300, 600], 10, 1, Counter);
        Assert.Equal(20, items.Count);
        Assert.Equal(8, items.Count(item => item.Kind == DocumentKind.Record));
        Assert.Equal(6, items.Count(item => item.Kind == DocumentKind.Needle));
        Assert.Equal(6, items.Count(item => item.Kind == DocumentKind.Articles));
        Assert.All(items.Take(10), item => Assert.InRange(item.Tokens, 285, 300));
        Assert.All(items.Skip(10), item => Assert.InRange(item.Tokens, 585, 600));
        Assert.All(items, item => Assert.Equal("generated", item.Conversation.Source));

        CalibrationSummary summary = CalibrationSummary.Of(items, [600, 300]);
        Assert.Equal(
            [("articles", 300, 3), ("needles", 300, 3), ("records", 300, 4), ("articles", 600, 3), ("needles", 600, 3), ("records", 600, 4)],
            summary.Rows.Select(row => (row.Kind, row.Length, row.Items)));
        Assert.Equal((20, 0), (summary.Items, summary.UnusedItems));
    }

    [Fact]
    public void Spreads_the_depths_of_a_sort_over_the_document()
    {
        IReadOnlyList<GeneratedItem> items = CalibrationMix.Create(
            CalibrationSplit.Validation, [200], 40, 9, Counter, [DocumentKind.Needle, DocumentKind.Record]);
        foreach (DocumentKind kind in new[] { DocumentKind.Needle, DocumentKind.Record })
            Assert.Equal(Enumerable.Range(0, 20), items.Where(item => item.Kind == kind).Select(item => (int)(item.Depth * 20)));
    }

    [Fact]
    public void The_same_seed_gives_the_same_set_and_nothing_occurs_twice()
    {
        IReadOnlyList<GeneratedItem> Create(ulong seed) => CalibrationMix.Create(CalibrationSplit.Calibration, [150, 300], 30, seed, Counter);
        Assert.Equal(Create(4), Create(4));
        Assert.Equal(120, Create(4).Concat(Create(5)).Select(item => item.Conversation).Distinct().Count());
    }

    [Theory]
    [InlineData(DocumentKind.Record)]
    [InlineData(DocumentKind.Needle)]
    [InlineData(DocumentKind.Articles)]
    internal void Splits_share_no_answer_whatever_their_seeds(DocumentKind kind)
    {
        // Short documents and many of them: 3 × 300 needles of 90,000 numbers would share some if the splits did not part them.
        HashSet<string>[] answers =
        [
            .. Enum.GetValues<CalibrationSplit>().Select(split => CalibrationMix.Create(split, [100], 300, 1, Counter, [kind])
                .Select(item => kind == DocumentKind.Articles ? item.ExpectedAnswer.Split('\n')[0] : item.ExpectedAnswer).ToHashSet()),
        ];
        Assert.Empty(answers[0].Intersect(answers[1]));
        Assert.Empty(answers[0].Intersect(answers[2]));
        Assert.Empty(answers[1].Intersect(answers[2]));
    }

    [Fact]
    public void A_length_too_short_is_refused_by_name()
    {
        InvalidInputException failure = Assert.Throws<InvalidInputException>(
            () => CalibrationMix.Create(CalibrationSplit.Calibration, [20], 3, 1, Counter));
        Assert.Contains("20 is too short", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_summary_counts_an_item_above_half_a_length_up_to_the_length()
    {
        static (CalibrationItem, int) Item(int tokens, string? kind, string? dataset = null) =>
            (new TextItem("a") { Kind = kind, Dataset = dataset }, tokens);
        CalibrationSummary summary = CalibrationSummary.Of(
            [Item(51, "x"), Item(100, "x"), Item(50, "x"), Item(101, null, "y"), Item(200, null), Item(201, "x")], [100, 200]);
        Assert.Equal(
            [
                new CalibrationSummaryRow("x", 100, 2, 51, 100, 75.5), new CalibrationSummaryRow("other", 200, 1, 200, 200, 200),
                new CalibrationSummaryRow("y", 200, 1, 101, 101, 101),
            ],
            summary.Rows);
        Assert.Equal((6, 2), (summary.Items, summary.UnusedItems));
        Assert.True(CalibrationSummary.IsUsedAt(51, 101));
        Assert.False(CalibrationSummary.IsUsedAt(50, 101));
    }
}
