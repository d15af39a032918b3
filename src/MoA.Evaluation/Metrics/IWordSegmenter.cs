namespace MoA.Evaluation.Metrics;

/// <summary>Cuts Chinese text, which has no spaces, into words.</summary>
internal interface IWordSegmenter
{
    /// <summary>The words in order; together they are the text.</summary>
    IEnumerable<string> Cut(string text);
}
