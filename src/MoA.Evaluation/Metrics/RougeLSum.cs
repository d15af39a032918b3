using System.Text.RegularExpressions;

namespace MoA.Evaluation.Metrics;

/// <summary>
/// ROUGE-L of summaries as the Python package <c>rouge_score</c> has it (rougeLsum, no stemming), which InfiniteBench uses: sentences end at line feeds, and every word
/// of the longest common subsequences counts as often as both texts have it.
/// </summary>
internal static partial class RougeLSum
{
    /// <summary>The F score in [0, 1]; 0 for a text without words.</summary>
    public static double F(string prediction, string reference)
    {
        List<string[]> hypothesis = Sentences(prediction), truth = Sentences(reference);
        int predicted = hypothesis.Sum(sentence => sentence.Length), expected = truth.Sum(sentence => sentence.Length);
        if (predicted == 0 || expected == 0)
            return 0;
        Dictionary<string, int> left = Counts(hypothesis), wanted = Counts(truth);
        int hits = 0;
        foreach (string[] sentence in truth)
        {
            foreach (int place in hypothesis.SelectMany(other => Common(sentence, other)).Distinct().Order())
            {
                string word = sentence[place];
                if (left.GetValueOrDefault(word) == 0 || wanted[word] == 0)
                    continue;
                left[word]--;
                wanted[word]--;
                hits++;
            }
        }

        double recall = (double)hits / expected, precision = (double)hits / predicted;
        return hits == 0 ? 0 : 2 * precision * recall / (precision + recall);
    }

    private static List<string[]> Sentences(string text) =>
        [.. text.Split('\n').Where(line => line.Length > 0).Select(line => Words().Matches(line.ToLowerInvariant()).Select(match => match.Value).ToArray())];

    private static Dictionary<string, int> Counts(List<string[]> sentences) =>
        sentences.SelectMany(words => words).CountBy(word => word).ToDictionary(pair => pair.Key, pair => pair.Value);

    // The places of one longest common subsequence in the first: the one that going back from both ends finds first.
    private static List<int> Common(string[] x, string[] y)
    {
        int[,] length = new int[x.Length + 1, y.Length + 1];
        for (int i = 1; i <= x.Length; i++)
        {
            for (int j = 1; j <= y.Length; j++)
                length[i, j] = x[i - 1] == y[j - 1] ? length[i - 1, j - 1] + 1 : Math.Max(length[i - 1, j], length[i, j - 1]);
        }

        List<int> places = [];
        for (int i = x.Length, j = y.Length; i > 0 && j > 0;)
        {
            if (x[i - 1] == y[j - 1])
            {
                places.Add(i - 1);
                i--;
                j--;
            }
            else if (length[i, j - 1] > length[i - 1, j])
            {
                j--;
            }
            else
            {
                i--;
            }
        }

        return places;
    }

    [GeneratedRegex("[a-z0-9]+")]
    private static partial Regex Words();
}
