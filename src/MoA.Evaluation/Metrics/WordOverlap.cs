using System.Collections.Frozen;

namespace MoA.Evaluation.Metrics;

/// <summary>Scores from the words that two answers share, each counted as often as both have it.</summary>
internal static class WordOverlap
{
    /// <summary>The harmonic mean of precision and recall; 0 if nothing is shared.</summary>
    public static double F1(List<string> prediction, List<string> reference)
    {
        int same = Shared(prediction, reference, FrozenSet<string>.Empty);
        if (same == 0)
            return 0;
        double precision = (double)same / prediction.Count, recall = (double)same / reference.Count;
        return 2 * precision * recall / (precision + recall);
    }

    /// <summary>The share of the key words that the prediction has; words that do not count are never shared.</summary>
    public static double Recall(List<string> prediction, List<string> keywords, FrozenSet<string> ignored) =>
        keywords.Count == 0 ? 0 : (double)Shared(prediction, keywords, ignored) / keywords.Count;

    private static int Shared(List<string> prediction, List<string> reference, FrozenSet<string> ignored)
    {
        Dictionary<string, int> left = [];
        foreach (string word in prediction)
            left[word] = left.GetValueOrDefault(word) + 1;
        int same = 0;
        foreach (string word in reference)
        {
            if (ignored.Contains(word) || left.GetValueOrDefault(word) == 0)
                continue;
            left[word]--;
            same++;
        }

        return same;
    }
}
