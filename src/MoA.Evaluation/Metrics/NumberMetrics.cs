using System.Text.RegularExpressions;
using MoA.Engine;

namespace MoA.Evaluation.Metrics;

/// <summary>Scores of answers that are a number.</summary>
internal static partial class NumberMetrics
{
    /// <summary>The share of the output's numbers that are the expected one; 0 if there is none.</summary>
    public static double Share(string prediction, string expected)
    {
        string[] numbers = [.. Digits().Matches(prediction).Select(match => match.Value)];
        return numbers.Length == 0 ? 0 : (double)numbers.Count(number => number == expected) / numbers.Length;
    }

    /// <summary>LongBench's passage retrieval: as <see cref="Share"/> for the number of the reference's paragraph.</summary>
    /// <exception cref="InvalidInputException">The reference names no paragraph.</exception>
    public static double Paragraph(string prediction, string reference)
    {
        Match match = ParagraphNumber().Match(reference);
        return match.Success
            ? Share(prediction, match.Groups[1].Value)
            : throw new InvalidInputException($"the answer \"{reference}\" names no paragraph; expected \"Paragraph 7\" or \"段落7\"");
    }

    /// <summary>LongEval's rule: 1 if the last whole number of the output is the expected one.</summary>
    public static double Last(string prediction, string expected)
    {
        Match last = LastDigits().Match(prediction);
        return last.Success && Trimmed(last.Value) == Trimmed(expected) ? 1 : 0;

        static string Trimmed(string digits) => digits.TrimStart('0') is { Length: > 0 } rest ? rest : "0";
    }

    [GeneratedRegex(@"\d+")]
    private static partial Regex Digits();

    [GeneratedRegex(@"\d+", RegexOptions.RightToLeft)]
    private static partial Regex LastDigits();

    [GeneratedRegex(@"(?:Paragraph |段落)(\d+)")]
    private static partial Regex ParagraphNumber();
}
