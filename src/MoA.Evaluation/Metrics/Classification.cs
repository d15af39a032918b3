namespace MoA.Evaluation.Metrics;

/// <summary>LongBench's score of a class named in the output, shared among all classes that it names.</summary>
internal static class Classification
{
    /// <summary>1 / (number of classes named) if the right one is among them, else 0.</summary>
    public static double Score(string prediction, string reference, IReadOnlyList<string> classes)
    {
        List<string> named = [.. classes.Where(name => prediction.Contains(name, StringComparison.Ordinal))];

        // Names that are part of the right one do not count against it. The published loop removes from the list it walks
        // over, and so passes over the name behind each that it removes; scores only agree if this does too.
        for (int i = 0; i < named.Count; i++)
        {
            if (named[i] != reference && reference.Contains(named[i], StringComparison.Ordinal))
                named.RemoveAt(i);
        }

        return named.Contains(reference) ? 1.0 / named.Count : 0;
    }
}
