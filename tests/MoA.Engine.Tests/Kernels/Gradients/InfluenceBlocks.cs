namespace MoA.Engine.Tests.Kernels.Gradients;

/// <summary>Sums of influence over blocks beside those of a reference.</summary>
internal static class InfluenceBlocks
{
    /// <summary>
    /// Every block within 1e-3 of the larger of itself and 1e-4 of its head's largest block (the fixture's README).
    /// </summary>
    public static void AssertClose(IReadOnlyList<float> expected, IReadOnlyList<float> actual, int blocks)
    {
        Assert.Equal(expected.Count, actual.Count);
        int size = blocks * blocks;
        for (int head = 0; head < expected.Count / size; head++)
        {
            float largest = expected.Skip(head * size).Take(size).Max();
            for (int i = head * size; i < (head + 1) * size; i++)
            {
                double tolerance = 1e-3 * Math.Max(expected[i], 1e-4 * largest);
                Assert.True(
                    Math.Abs(actual[i] - expected[i]) <= tolerance,
                    $"head {head}, block {i % size}: {actual[i]}, expected {expected[i]}, off by "
                    + $"{Math.Abs(actual[i] - expected[i]) / tolerance} tolerances");
            }
        }
    }
}
