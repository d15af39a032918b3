namespace MoA.Evaluation.Metrics;

/// <summary>
/// LongBench's similarity of a line of code: <c>fuzz.ratio</c> of fuzzywuzzy on Python's <c>difflib.SequenceMatcher</c>, the
/// share of matching blocks (Ratcliff and Obershelp 1988), rounded to whole per cents.
/// </summary>
internal static class CodeSimilarity
{
    private const int LeastForPopular = 200;

    /// <summary>Compares the first line of the output that is neither comment nor fence with the expected line.</summary>
    public static double Score(string prediction, string reference)
    {
        string line = prediction.TrimStart('\n').Split('\n')
            .FirstOrDefault(static line => !line.Contains('`', StringComparison.Ordinal)
                && !line.Contains('#', StringComparison.Ordinal) && !line.Contains("//", StringComparison.Ordinal)) ?? "";
        return Ratio(line, reference) / 100.0;
    }

    /// <summary>Similarity in whole per cents, halves rounded to even.</summary>
    internal static int Ratio(string first, string second)
    {
        if (first == second)
            return 100;
        if (first.Length == 0 || second.Length == 0)
            return 0;
        int[] a = PythonText.CodePoints(first), b = PythonText.CodePoints(second);
        return (int)Math.Round(100 * (2.0 * Matches(a, b) / (a.Length + b.Length)));
    }

    /// <summary>Elements in matching blocks: the longest one, then those left and right of it.</summary>
    private static int Matches(int[] a, int[] b)
    {
        Dictionary<int, List<int>> places = Places(b);
        Stack<(int ALow, int AHigh, int BLow, int BHigh)> open = [];
        open.Push((0, a.Length, 0, b.Length));
        int matches = 0;
        while (open.TryPop(out (int ALow, int AHigh, int BLow, int BHigh) range))
        {
            (int i, int j, int size) = Longest(a, b, places, range);
            if (size == 0)
                continue;
            matches += size;
            open.Push((range.ALow, i, range.BLow, j));
            open.Push((i + size, range.AHigh, j + size, range.BHigh));
        }

        return matches;
    }

    /// <summary>Where each element stands in b; in long texts, elements of more than a hundredth of it start no block.</summary>
    private static Dictionary<int, List<int>> Places(int[] b)
    {
        Dictionary<int, List<int>> places = [];
        for (int j = 0; j < b.Length; j++)
        {
            if (!places.TryGetValue(b[j], out List<int>? list))
                places[b[j]] = list = [];
            list.Add(j);
        }

        if (b.Length >= LeastForPopular)
        {
            int most = b.Length / 100 + 1;
            foreach (int popular in places.Where(place => place.Value.Count > most).Select(place => place.Key).ToArray())
                _ = places.Remove(popular);
        }

        return places;
    }

    private static (int I, int J, int Size) Longest(
        int[] a, int[] b, Dictionary<int, List<int>> places, (int ALow, int AHigh, int BLow, int BHigh) range)
    {
        (int bestI, int bestJ, int size) = (range.ALow, range.BLow, 0);
        Dictionary<int, int> ending = [];
        for (int i = range.ALow; i < range.AHigh; i++)
        {
            Dictionary<int, int> next = [];
            foreach (int j in places.GetValueOrDefault(a[i], []))
            {
                if (j < range.BLow || j >= range.BHigh)
                    continue;
                int length = next[j] = ending.GetValueOrDefault(j - 1) + 1;
                if (length > size)
                    (bestI, bestJ, size) = (i - length + 1, j - length + 1, length);
            }

            ending = next;
        }

        // Popular elements may lengthen a block that others began.
        for (; bestI > range.ALow && bestJ > range.BLow && a[bestI - 1] == b[bestJ - 1]; size++)
            (bestI, bestJ) = (bestI - 1, bestJ - 1);
        while (bestI + size < range.AHigh && bestJ + size < range.BHigh && a[bestI + size] == b[bestJ + size])
            size++;
        return (bestI, bestJ, size);
    }
}
