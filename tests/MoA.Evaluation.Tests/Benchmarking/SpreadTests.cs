using MoA.Evaluation.Benchmarking;

namespace MoA.Evaluation.Tests.Benchmarking;

public sealed class SpreadTests
{
    [Fact]
    public void The_median_stands_in_the_middle()
    {
        Assert.Equal(new Spread(3, 1, 10), Spread.Of([10, 3, 1]));
        Assert.Equal(new Spread(2.5, 1, 10), Spread.Of([3, 10, 1, 2]));
        Assert.Equal(new Spread(7, 7, 7), Spread.Of([7]));
        _ = Assert.Throws<ArgumentException>(() => Spread.Of([]));
    }
}
