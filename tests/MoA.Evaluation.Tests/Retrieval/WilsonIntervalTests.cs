using MoA.Evaluation.Retrieval;

namespace MoA.Evaluation.Tests.Retrieval;

public sealed class WilsonIntervalTests
{
    /// <summary>The examples of Newcombe, Two-sided confidence intervals for the single proportion (1998), table I.</summary>
    [Theory]
    [InlineData(81, 263, 0.2553, 0.3662)]
    [InlineData(15, 148, 0.0624, 0.1605)]
    [InlineData(0, 20, 0, 0.1611)]
    [InlineData(1, 29, 0.0061, 0.1718)]
    public void Gives_the_published_intervals(int hits, int items, double low, double high)
    {
        WilsonInterval interval = WilsonInterval.Of(hits, items);
        Assert.Equal(low, interval.Low, 4);
        Assert.Equal(high, interval.High, 4);
        WilsonInterval mirrored = WilsonInterval.Of(items - hits, items);
        Assert.Equal(1 - interval.High, mirrored.Low, 12);
        Assert.Equal(1 - interval.Low, mirrored.High, 12);
    }

    [Fact]
    public void No_items_have_no_interval() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => WilsonInterval.Of(0, 0));
}
