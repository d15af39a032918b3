using System.Text;

namespace MoA.Evaluation.Metrics;

/// <summary>
/// Text as the published metrics see it: they are written in Python, whose strings are code points and whose white space
/// is a little more than .NET's.
/// </summary>
internal static class PythonText
{
    /// <summary>ASCII punctuation, <c>string.punctuation</c>.</summary>
    public const string Punctuation = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";

    /// <summary>The words between white space, <c>str.split()</c>.</summary>
    public static List<string> Split(string text)
    {
        List<string> words = [];
        int start = -1;
        for (int i = 0; i <= text.Length; i++)
        {
            bool space = i == text.Length || IsSpace(text[i]);
            if (space && start >= 0)
                words.Add(text[start..i]);
            if (space)
                start = -1;
            else if (start < 0)
                start = i;
        }

        return words;
    }

    /// <summary>The text's code points; halves of pairs count as the replacement character.</summary>
    public static int[] CodePoints(string text) => [.. text.EnumerateRunes().Select(rune => rune.Value)];

    /// <summary>The text without some characters.</summary>
    public static string Without(string text, Func<char, bool> dropped)
    {
        StringBuilder kept = new(text.Length);
        foreach (char c in text)
        {
            if (!dropped(c))
                _ = kept.Append(c);
        }

        return kept.ToString();
    }

    private static bool IsSpace(char c) => char.IsWhiteSpace(c) || c is >= '\x1c' and <= '\x1f';
}
