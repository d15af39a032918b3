namespace MoA.Evaluation.Metrics;

/// <summary>
/// ROUGE-L on the level of summaries (Lin 2004), as the Python package <c>rouge</c> 1.0.1 computes it, which LongBench and
/// LV-Eval use: sentences end at full stops, words are counted once each, and the longest common subsequences of all pairs
/// of sentences are united.
/// </summary>
internal static class RougeL
{
    /// <summary>The F score in [0, 1]; 0 for an empty text.</summary>
    public static double F(string prediction, string reference)
    {
        List<string[]> hypothesis = Sentences(prediction), truth = Sentences(reference);
        if (hypothesis.Count == 0 || truth.Count == 0)
            return 0;
        HashSet<string> common = [];
        foreach (string[] sentence in truth)
        {
            foreach (string[] other in hypothesis)
                AddCommon(sentence, other, common);
        }

        double recall = (double)common.Count / Distinct(truth), precision = (double)common.Count / Distinct(hypothesis);
        return 2 * (precision * recall / (precision + recall + 1e-8));
    }

    // A sentence of white space alone counts as one empty word there.
    private static List<string[]> Sentences(string text) =>
        [.. text.Split('.').Where(part => part.Length > 0).Select(part => PythonText.Split(part) is { Count: > 0 } words ? words.ToArray() : [""])];

    private static int Distinct(List<string[]> sentences) => sentences.SelectMany(words => words).Distinct().Count();

    /// <summary>Adds the words of one longest common subsequence: the one that going back from both ends finds first.</summary>
    private static void AddCommon(string[] x, string[] y, HashSet<string> common)
    {
        int[,] length = new int[x.Length + 1, y.Length + 1];
        for (int i = 1; i <= x.Length; i++)
        {
            for (int j = 1; j <= y.Length; j++)
                length[i, j] = x[i - 1] == y[j - 1] ? length[i - 1, j - 1] + 1 : Math.Max(length[i - 1, j], length[i, j - 1]);
        }

        for (int i = x.Length, j = y.Length; i > 0 && j > 0;)
        {
            if (x[i - 1] == y[j - 1])
            {
                _ = common.Add(x[i - 1]);
                i--;
                j--;
            }
            else if (length[i - 1, j] > length[i, j - 1])
            {
                i--;
            }
            else
            {
                j--;
            }
        }
    }
}
