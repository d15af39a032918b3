using System.Globalization;
using System.Text.RegularExpressions;

namespace MoA.Evaluation.Metrics;

/// <summary>InfiniteBench's metrics, as <c>compute_scores.py</c> has them. They take all of an item's answers at once.</summary>
internal static partial class InfiniteBenchMetrics
{
    private const string Separators = "\n:\"'.,?!{}";

    private static readonly string[] CodePrefixes = ["answer is:", "is:", "answer:", "correct option is:"];

    private static readonly string[] ChoicePrefixes = ["answer is:", "answer:", "answer is", "option is"];

    /// <summary>The metric of a name, or null.</summary>
    public static Func<string, IReadOnlyList<string>, double>? Find(string name) => name switch
    {
        "first-integer" => (prediction, answers) => Score(FirstInteger().Match(prediction).Value == answers[0]),
        "first-number" => (prediction, answers) => Score(IsFirstNumber(prediction, answers[0])),
        "last-integer" => (prediction, answers) => Score(IsLastInteger(prediction, answers[0])),
        "leading-integers" => LeadingIntegers,
        "whole-word" => (prediction, answers) => Score(Words(prediction, Separators).Contains(answers[0])),
        "name" => (prediction, answers) => Score(Words(prediction.Trim(), Separators).Select(word => word.ToUpperInvariant()).Contains(answers[0])),
        "code-choice" => (prediction, answers) => Score(IsCodeChoice(prediction.Trim(), answers)),
        "choice" => (prediction, answers) => Score(IsChoice(prediction.Trim(), answers)),
        "character-f1" => (prediction, answers) => answers.Max(answer => WordOverlap.F1(Characters(prediction), Characters(answer))),
        "rouge-l-sum" => (prediction, answers) => RougeLSum.F(prediction, answers[0]),
        _ => null,
    };

    private static double Score(bool right) => right ? 1 : 0;

    // The reference is a whole number or one with a point, and decides how the output's is read. Digits are those of all scripts, as Python's are.
    private static bool IsFirstNumber(string prediction, string answer)
    {
        string number = string.Concat(FirstNumber().Match(prediction).Value.Select(c => c == '.' ? c : (char)('0' + CharUnicodeInfo.GetDecimalDigitValue(c))));
        return number.Length > 0 && (answer.Contains('.', StringComparison.Ordinal) || !number.Contains('.', StringComparison.Ordinal))
            && double.Parse(number, CultureInfo.InvariantCulture) == double.Parse(answer, CultureInfo.InvariantCulture);
    }

    private static bool IsLastInteger(string prediction, string answer) =>
        Words(prediction, "\n.`'\":") is [.., string last] && long.TryParse(last, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long number)
        && number.ToString(CultureInfo.InvariantCulture) == answer;

    // Minus signs of the output are not read there.
    private static double LeadingIntegers(string prediction, IReadOnlyList<string> answers)
    {
        IEnumerable<string> numbers = FirstInteger().Matches(prediction).Select(match => match.Value.TrimStart('0') is { Length: > 0 } digits ? digits : "0");
        return (double)answers.Zip(numbers).TakeWhile(pair => pair.First == pair.Second).Count() / answers.Count;
    }

    private static bool IsCodeChoice(string prediction, IReadOnlyList<string> answers)
    {
        (string name, string letter) = (answers[0], answers[1]);
        if (prediction.StartsWith($"{letter}.", StringComparison.Ordinal) || prediction.StartsWith($"{letter}:", StringComparison.Ordinal))
            return true;
        string text = Spaced(prediction, "\n`'\"-*").Replace("Option", " ", StringComparison.Ordinal).Replace("option", " ", StringComparison.Ordinal);
        return AfterPrefix(OneSpace(text), CodePrefixes) is string rest
            && (rest.StartsWith(letter, StringComparison.Ordinal) || rest.StartsWith(name, StringComparison.Ordinal));
    }

    private static bool IsChoice(string prediction, IReadOnlyList<string> answers)
    {
        if (prediction.Length == 0)
            return false;
        if (prediction[0] is >= 'A' and <= 'D')
            return answers.Contains(prediction[..1]);
        if (answers.Contains(prediction))
            return true;
        string text = OneSpace(Spaced(prediction, "\n\"'.,?!{}"));
        if (AfterPrefix(text, ChoicePrefixes) is string rest)
            return answers.Any(answer => rest.StartsWith(answer, StringComparison.Ordinal));
        string? word = PythonText.Split(text).Find(word => "ABCD".Contains(word, StringComparison.Ordinal));
        return word is not null && answers.Contains(word);
    }

    // What stands behind the first of the prefixes that is there, and the character after it; empty if nothing does.
    private static string? AfterPrefix(string text, string[] prefixes)
    {
        foreach (string prefix in prefixes)
        {
            int at = text.IndexOf(prefix, StringComparison.Ordinal);
            if (at >= 0)
                return text[Math.Min(text.Length, at + prefix.Length + 1)..];
        }

        return null;
    }

    private static List<string> Characters(string text) => [.. AnswerWords.Normalize(text).EnumerateRunes().Select(rune => rune.ToString())];

    private static List<string> Words(string text, string separators) => PythonText.Split(Spaced(text, separators));

    private static string Spaced(string text, string characters) => string.Concat(text.Select(c => characters.Contains(c, StringComparison.Ordinal) ? ' ' : c));

    private static string OneSpace(string text) => Spaces().Replace(text, " ");

    [GeneratedRegex("[0-9]+")]
    private static partial Regex FirstInteger();

    [GeneratedRegex(@"\d+\.\d+|\d+")]
    private static partial Regex FirstNumber();

    [GeneratedRegex("  +")]
    private static partial Regex Spaces();
}
