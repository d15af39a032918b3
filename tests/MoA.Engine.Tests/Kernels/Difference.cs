namespace MoA.Engine.Tests.Kernels;

internal static class Difference
{
    /// <summary>The largest absolute difference; not a number if either side has one.</summary>
    public static double Largest(ReadOnlySpan<float> actual, ReadOnlySpan<float> expected)
    {
        Assert.Equal(expected.Length, actual.Length);
        double largest = 0;
        for (int i = 0; i < expected.Length; i++)
        {
            double difference = Math.Abs((double)actual[i] - expected[i]);
            if (!(difference <= largest))
                largest = difference;
        }

        return largest;
    }

    /// <summary>Fails where a number is further from what is expected than its own bound.</summary>
    public static void AssertWithin(ReadOnlySpan<double> largest, ReadOnlySpan<float> actual, ReadOnlySpan<float> expected, string what)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (int i = 0; i < expected.Length; i++)
        {
            double difference = Math.Abs((double)actual[i] - expected[i]);
            Assert.True(difference <= largest[i], $"{what}: [{i}] is off by {difference:E2}, {largest[i]:E2} at most");
        }
    }
}
