using MoA.Engine.Kernels.Strips;

namespace MoA.Engine.Tests.Kernels;

/// <summary>How the strips of a weight are shared out.</summary>
public sealed class StripItemsTests
{
    [Theory]
    [InlineData(1, 1, 1)]
    [InlineData(31, 2, 1)]
    [InlineData(33, 16, 2)]
    [InlineData(100, 2, 2)]
    [InlineData(256, 2, 1)]
    [InlineData(257, 3, 2)]
    [InlineData(8016, 16, 1)]
    public void Items_hold_every_strip_once_whatever_the_threads(int strips, int threads, int together)
    {
        StripItems items = new(strips, threads, together), alone = new(strips, 1, together);
        Assert.Equal(alone.Count, items.Count);
        int next = 0;
        for (int item = 0; item < items.Count; item++)
        {
            Assert.Equal(next, items.First(item));
            Assert.Equal(0, next % together);
            next = items.End(item);
            Assert.InRange(next - items.First(item), 1, 8);
        }

        Assert.Equal(strips, next);
    }

    [Fact]
    public void What_follows_is_the_next_strip_or_the_item_as_many_ahead_as_there_are_threads()
    {
        StripItems items = new(256, 2);
        Assert.Equal((0, 8), (items.First(0), items.End(0)));
        Assert.Equal(1, items.After(0, 0));
        Assert.Equal(7, items.After(0, 6));
        Assert.Equal(items.First(2), items.After(0, 7));
        Assert.Equal(255, items.After(items.Count - 1, 255)); // nothing follows: any strip will do
    }
}
