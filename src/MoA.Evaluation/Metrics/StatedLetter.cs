using System.Text.RegularExpressions;

namespace MoA.Evaluation.Metrics;

/// <summary>LongBench v2's way to read an answer: <c>The correct answer is (B)</c>.</summary>
internal static partial class StatedLetter
{
    /// <summary>The letter, with or without its brackets, asterisks aside; null if none is stated.</summary>
    public static string? Of(string prediction)
    {
        string text = prediction.Replace("*", "", StringComparison.Ordinal);
        return InBrackets().Match(text) is { Success: true } match || (match = Plain().Match(text)).Success ? match.Groups[1].Value : null;
    }

    [GeneratedRegex(@"The correct answer is \(([A-D])\)")]
    private static partial Regex InBrackets();

    [GeneratedRegex("The correct answer is ([A-D])")]
    private static partial Regex Plain();
}
