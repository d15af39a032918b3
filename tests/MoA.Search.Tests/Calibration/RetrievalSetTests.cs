using MoA.Search.Calibration;

namespace MoA.Search.Tests.Calibration;

public class RetrievalSetTests
{
    private static readonly RetrievalItem Item = RetrievalSet.Create(100, 1, 1, 1, Counters.Words).Items[0];

    [Fact]
    public void Deals_the_items_evenly_to_the_depths()
    {
        RetrievalSet set = RetrievalSet.Create(400, 100, 10, 42, Counters.Words);
        Assert.Equal(Enumerable.Repeat(10, 10), set.Items.GroupBy(item => item.DepthBin).OrderBy(bin => bin.Key).Select(bin => bin.Count()));
        Assert.All(set.Items, item => Assert.Equal(item.DepthBin, (int)(item.Document.Depth * 10)));
        Assert.All(set.Items, item => Assert.InRange(item.Document.Tokens, 394, 400));
        Assert.All(set.Items, item => Assert.EndsWith("?", Assert.Single(item.Prompt).Content, StringComparison.Ordinal));
        Assert.Equal(100, set.Items.Select(item => item.Document.Conversation).Distinct().Count());
        Assert.Equal(set.Items.Select(item => item.Document), RetrievalSet.Create(400, 100, 10, 42, Counters.Words).Items.Select(item => item.Document));
    }

    [Fact]
    public void Takes_needles_and_refuses_articles()
    {
        RetrievalSet set = RetrievalSet.Create(new NeedleDocument(Counters.Of("words")), 300, 5, 5, 1);
        Assert.All(set.Items, item => Assert.Equal(DocumentKind.Needle, item.Document.Kind));
        Assert.Throws<ArgumentException>(() => RetrievalSet.Create(new ArticlesDocument(Counters.Of("words")), 300, 5, 5, 1));
    }

    [Fact]
    public void Judges_by_the_last_number_of_the_output()
    {
        int value = Item.Document.ExpectedValue!.Value;
        Assert.Equal(new RetrievalVerdict(true, true), Item.Judge($" {Item.Document.ExpectedAnswer}\n"));
        Assert.Equal(new RetrievalVerdict(true, false), Item.Judge($"1 2 3: {value}"));
        Assert.Equal(new RetrievalVerdict(false, false), Item.Judge($"{value}, not 7"));
        Assert.Equal(new RetrievalVerdict(false, false), Item.Judge($"1{value}"));
        Assert.Equal(new RetrievalVerdict(false, false), Item.Judge(""));
    }

    [Theory]
    [InlineData("is <40893>.", "40893")]
    [InlineData("12 and 007", "7")]
    [InlineData("000", "0")]
    [InlineData("-5", "5")]
    [InlineData("99999999999999999999", "99999999999999999999")]
    [InlineData("none", null)]
    [InlineData("", null)]
    public void Finds_the_last_integer(string text, string? expected) => Assert.Equal(expected, RetrievalItem.LastInteger(text));
}
