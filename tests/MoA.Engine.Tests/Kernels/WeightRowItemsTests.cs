using MoA.Engine.Kernels;

namespace MoA.Engine.Tests.Kernels;

/// <summary>How the rows of a weight are shared out.</summary>
public sealed class WeightRowItemsTests
{
    [Theory]
    [InlineData(1, 1)]
    [InlineData(31, 2)]
    [InlineData(33, 16)]
    [InlineData(4096, 2)]
    [InlineData(4099, 3)]
    [InlineData(128256, 16)]
    public void Items_hold_every_row_once_whatever_the_threads(int rows, int threads)
    {
        WeightRowItems items = new(rows, threads), alone = new(rows, 1);
        Assert.Equal(alone.Count, items.Count);
        int next = 0;
        for (int item = 0; item < items.Count; item++)
        {
            Assert.Equal(next, items.First(item));
            next = items.End(item);
            Assert.InRange(next - items.First(item), 1, 256);
        }

        Assert.Equal(rows, next);
    }

    [Fact]
    public void What_follows_is_the_next_four_rows_or_the_item_as_many_ahead_as_there_are_threads()
    {
        WeightRowItems items = new(4096, 2);
        Assert.Equal((0, 128), (items.First(0), items.End(0)));
        Assert.Equal(4, items.After(0, 0));
        Assert.Equal(124, items.After(0, 120));
        Assert.Equal(items.First(2), items.After(0, 124));
        Assert.Equal(4095, items.After(items.Count - 1, 4092)); // nothing follows: any row will do
    }
}
