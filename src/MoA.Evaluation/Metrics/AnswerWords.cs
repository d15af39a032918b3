using System.Collections.Frozen;
using System.Text.RegularExpressions;

namespace MoA.Evaluation.Metrics;

/// <summary>Answers cut into the words that are compared, as in SQuAD's evaluation and LongBench's after it.</summary>
internal static partial class AnswerWords
{
    private static readonly FrozenSet<char> AllPunctuation =
        (PythonText.Punctuation + "！？｡。＂＃＄％＆＇（）＊＋，－／：；＜＝＞＠［＼］＾＿｀｛｜｝～｟｠｢｣､、〃》「」『』【】〔〕〖〗〘〙〚〛〜〝〞〟〰〾〿–—‘’‛“”„‟…‧﹏.")
        .ToFrozenSet();

    /// <summary>Lower case, without ASCII punctuation and articles, cut at white space.</summary>
    public static List<string> English(string text)
    {
        string plain = PythonText.Without(text.ToLowerInvariant(), static c => PythonText.Punctuation.Contains(c, StringComparison.Ordinal));
        return PythonText.Split(Articles().Replace(plain, " "));
    }

    /// <summary>The segmenter's words in lower case, without punctuation and white space.</summary>
    public static List<string> Chinese(string text, IWordSegmenter segmenter) =>
        [.. segmenter.Cut(text).Select(Normalize).Where(word => word.Length > 0)];

    /// <summary>One Chinese word as it is compared; empty if it is punctuation or white space.</summary>
    public static string Normalize(string word) => string.Concat(PythonText.Split(
        PythonText.Without(word.ToLowerInvariant(), static c => AllPunctuation.Contains(c))));

    [GeneratedRegex(@"\b(a|an|the)\b")]
    private static partial Regex Articles();
}
