namespace MoA.Evaluation.Metrics;

/// <summary>RULER's metric: whether an answer stands in an output, in capitals or not.</summary>
internal static class TextMatch
{
    /// <summary>1 if it does, else 0. Control characters of the output count as line feeds.</summary>
    public static double Contains(string prediction, string answer)
    {
        string text = string.Concat(prediction.Select(static c => c < ' ' ? '\n' : c)).ToLowerInvariant();
        return text.Contains(answer.ToLowerInvariant(), StringComparison.Ordinal) ? 1 : 0;
    }
}
