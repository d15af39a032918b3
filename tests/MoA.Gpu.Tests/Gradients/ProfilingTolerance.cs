namespace MoA.Gpu.Tests.Gradients;

/// <summary>How far influence may be from its reference: as far as the processor's.</summary>
internal static class ProfilingTolerance
{
    public static void AssertBlocks(float[] expected, float[] actual, int blocks)
    {
        Assert.Equal(expected.Length, actual.Length);
        int size = blocks * blocks;
        for (int head = 0; head < expected.Length / size; head++)
        {
            float largest = expected.Skip(head * size).Take(size).Max();
            for (int i = head * size; i < (head + 1) * size; i++)
            {
                double tolerance = 1e-3 * Math.Max(expected[i], 1e-4 * largest), difference = Math.Abs(actual[i] - expected[i]);
                Assert.True(
                    difference <= tolerance,
                    $"head {head}, block {i % size}: {actual[i]}, expected {expected[i]}, off by {difference / tolerance} tolerances");
            }
        }
    }
}
