namespace MoA.Search.Calibration;

/// <summary>Puts the lines that matter among the others.</summary>
internal static class Insertion
{
    /// <summary>
    /// The others in order, with each insert at its depth: of the count + 1 gaps between <paramref name="count"/> others,
    /// depth d takes gap floor(d (count + 1)).
    /// </summary>
    public static IEnumerable<string> AtDepths(IEnumerable<string> others, int count, (string Text, double Depth)[] inserts)
    {
        (string Text, double Depth)[] sorted = [.. inserts.OrderBy(insert => insert.Depth)];
        int gap = 0, next = 0;
        foreach (string other in others)
        {
            for (; next < sorted.Length && Gap(sorted[next].Depth, count) <= gap; next++)
                yield return sorted[next].Text;

            yield return other;
            gap++;
        }

        for (; next < sorted.Length; next++)
            yield return sorted[next].Text;
    }

    private static int Gap(double depth, int count) => Math.Min((int)(depth * (count + 1.0)), count);
}
