using System.Collections.Frozen;
using MoA.Engine;
using MoA.Evaluation.LvEval;
using MoA.Evaluation.Metrics;
using MoA.Search.Calibration;

namespace MoA.Evaluation.Tasks;

/// <summary>
/// Scores answers between 0 and 1 by the metric's name: <c>last-number</c>, <c>contains</c>, RULER's <c>match-all</c> and <c>match-any</c>, LongBench v2's
/// <c>stated-letter</c>, those of InfiniteBench (<see cref="InfiniteBenchMetrics"/>), LongBench's <c>qa-f1</c>,
/// <c>qa-f1-zh</c>, <c>rouge-l</c>, <c>rouge-l-zh</c>, <c>classification</c>, <c>paragraph</c>, <c>count</c> and
/// <c>code-similarity</c>, LV-Eval's <c>keyword-f1</c>, <c>keyword-f1-zh</c> and <c>rouge-l-zh-keywords</c>. The prefix
/// <c>first-line:</c> keeps the answer's first line only. Texts without a score of their own have <c>cross-entropy</c> or
/// <c>none</c>.
/// </summary>
internal sealed class AnswerScorer
{
    /// <summary>The metric of texts whose probability is measured.</summary>
    public const string CrossEntropy = "cross-entropy";

    /// <summary>The metric of answers that someone else judges.</summary>
    public const string None = "none";

    private const string FirstLine = "first-line:";

    // LV-Eval: answers with fewer of the key words get nothing.
    private const double LeastEnglishRecall = 0.2, LeastChineseRecall = 0.4;

    private readonly string? _jiebaFolder;
    private IWordSegmenter? _segmenter;

    /// <summary>A scorer.</summary>
    /// <param name="jiebaFolder">The folder of the Python package jieba, which Chinese metrics need; null if there is none.</param>
    public AnswerScorer(string? jiebaFolder = null) => _jiebaFolder = jiebaFolder;

    internal AnswerScorer(IWordSegmenter segmenter) => _segmenter = segmenter;

    /// <summary>The metric of questions that a model is asked: of its answer, or, for a base model, of the first line that it goes on with.</summary>
    internal static string For(QuestionEncoder questions, string metric) => questions.IsPlainText ? FirstLine + metric : metric;

    private IWordSegmenter Segmenter => _segmenter ??= JiebaSegmenter.Load(_jiebaFolder ?? throw new InvalidInputException(
        "Chinese answers are compared word by word, as the Python package jieba cuts them; give the folder of that package "
        + "(with dict.txt and finalseg/prob_emit.py) with --jieba, or leave out the Chinese data sets"));

    /// <summary>The score of an answer: the best over all right answers, for LV-Eval over the first.</summary>
    /// <param name="metric">A metric's name.</param>
    /// <param name="prediction">The model's answer.</param>
    /// <param name="reference">What it is compared with.</param>
    /// <returns>A number in [0, 1].</returns>
    /// <exception cref="InvalidInputException">There is no such metric, or the reference or jieba's data cannot be used.</exception>
    public double Score(string metric, string prediction, ItemReference reference)
    {
        ArgumentNullException.ThrowIfNull(metric);
        ArgumentNullException.ThrowIfNull(prediction);
        ArgumentNullException.ThrowIfNull(reference);
        if (metric is CrossEntropy or None)
            return 0;
        if (metric.StartsWith(FirstLine, StringComparison.Ordinal))
        {
            metric = metric[FirstLine.Length..];
            prediction = prediction.TrimStart('\n').Split('\n')[0];
        }

        if (metric == "match-all")
            return reference.Answers.Select(answer => TextMatch.Contains(prediction, answer)).DefaultIfEmpty(0).Average();
        if (InfiniteBenchMetrics.Find(metric) is Func<string, IReadOnlyList<string>, double> whole)
            return reference.Answers.Count == 0 ? 0 : whole(prediction, reference.Answers);
        IEnumerable<string> answers = metric is "keyword-f1" or "keyword-f1-zh" or "rouge-l-zh-keywords"
            ? reference.Answers.Take(1)
            : reference.Answers;
        return answers.Select(answer => Score(metric, prediction, answer, reference)).DefaultIfEmpty(0).Max();
    }

    private double Score(string metric, string prediction, string answer, ItemReference reference) => metric switch
    {
        "last-number" => NumberMetrics.Last(prediction, answer),
        "contains" => AnswerWords.English(prediction) is var words && IsWithin(AnswerWords.English(answer), words) ? 1 : 0,
        "match-any" => TextMatch.Contains(prediction, answer),
        "stated-letter" => StatedLetter.Of(prediction) == answer ? 1 : 0,
        "qa-f1" => WordOverlap.F1(AnswerWords.English(prediction), AnswerWords.English(answer)),
        "qa-f1-zh" => WordOverlap.F1(AnswerWords.Chinese(prediction, Segmenter), AnswerWords.Chinese(answer, Segmenter)),
        "rouge-l" => RougeL.F(prediction, answer),
        "rouge-l-zh" => RougeL.F(Spaced(prediction), Spaced(answer)),
        "classification" => Classification.Score(prediction, answer, reference.Classes ?? []),
        "paragraph" => NumberMetrics.Paragraph(prediction, answer),
        "count" => NumberMetrics.Share(prediction, answer),
        "code-similarity" => CodeSimilarity.Score(prediction, answer),
        "keyword-f1" => KeywordF1(prediction, answer, reference.Keywords),
        "keyword-f1-zh" => KeywordF1Chinese(prediction, answer, reference.Keywords),
        "rouge-l-zh-keywords" => RougeL.F(WithoutIgnored(prediction), WithoutIgnored(answer)),
        _ => throw new InvalidInputException($"there is no metric '{metric}'"),
    };

    private static double KeywordF1(string prediction, string answer, string? keywords)
    {
        List<string> words = AnswerWords.English(prediction);
        return keywords is { Length: > 0 }
            && WordOverlap.Recall(words, AnswerWords.English(keywords), LvEvalData.Shared.IgnoredEnglish) < LeastEnglishRecall
            ? 0 : WordOverlap.F1(words, AnswerWords.English(answer));
    }

    private double KeywordF1Chinese(string prediction, string answer, string? keywords)
    {
        List<string> words = AnswerWords.Chinese(prediction, Segmenter);
        List<string> wanted = AnswerWords.Chinese(keywords is { Length: > 0 } ? keywords : answer, Segmenter);
        return WordOverlap.Recall(words, wanted, LvEvalData.Shared.IgnoredChinese) < LeastChineseRecall
            ? 0 : WordOverlap.F1(words, AnswerWords.Chinese(answer, Segmenter));
    }

    private string Spaced(string text) => string.Join(' ', Segmenter.Cut(text));

    // LV-Eval cuts the spaced words once more, and so does this.
    private string WithoutIgnored(string text)
    {
        FrozenSet<string> ignored = LvEvalData.Shared.IgnoredChinese;
        return string.Join(' ', Segmenter.Cut(Spaced(text)).Select(AnswerWords.Normalize).Where(word => !ignored.Contains(word)));
    }

    private static bool IsWithin(List<string> wanted, List<string> words)
    {
        for (int start = 0; start + wanted.Count <= words.Count; start++)
        {
            if (wanted.SequenceEqual(words.Skip(start).Take(wanted.Count)))
                return true;
        }

        return false;
    }
}
