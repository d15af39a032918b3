namespace MoA.Gpu.Tests;

/// <summary>Random numbers, and how far a kernel's may be from them.</summary>
internal static class Numbers
{
    /// <summary>The largest relative error of a float operation.</summary>
    public const double FloatError = 1.0 / (1 << 24);

    public static float[] Random(int seed, int count, double scale = 1)
    {
        Random random = new(seed);
        return [.. Enumerable.Range(0, count).Select(_ => (float)(scale * (2 * random.NextDouble() - 1)))];
    }

    /// <summary>Fails where a number is further from the definition than its bound.</summary>
    public static void AssertWithin(IReadOnlyList<double> bounds, IReadOnlyList<float> actual, IReadOnlyList<double> expected)
    {
        Assert.Equal(expected.Count, actual.Count);
        for (int i = 0; i < expected.Count; i++)
        {
            double difference = Math.Abs(actual[i] - expected[i]);
            Assert.True(difference <= bounds[i], $"[{i}] is {actual[i]}, not {expected[i]}: off by {difference:E2}, {bounds[i]:E2} at most");
        }
    }
}
