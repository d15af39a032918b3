using System.Text;

namespace MoA.Engine.Tokenization.Jinja;

/// <summary>Operations on texts that follow Python where .NET's differ.</summary>
internal static class JinjaText
{
    /// <summary>Python's white space: that of Unicode and the four separators U+001C to U+001F.</summary>
    public static bool IsSpace(char c) => char.IsWhiteSpace(c) || c is >= '\u001C' and <= '\u001F';

    /// <summary>Removes white space, or the characters of a set, from one or both ends.</summary>
    public static string Strip(string text, string? characters, bool left, bool right)
    {
        int start = 0;
        int end = text.Length;
        while (left && start < end && IsStripped(text[start], characters))
            start++;
        while (right && end > start && IsStripped(text[end - 1], characters))
            end--;
        return text[start..end];
    }

    /// <summary>Splits at a separator, or at runs of white space, at most <paramref name="limit"/> times where it is not negative.</summary>
    public static List<object?> Split(string text, string? separator, long limit)
    {
        int parts = limit < 0 || limit >= int.MaxValue ? int.MaxValue : (int)limit + 1;
        return separator is null
            ? SplitAtSpace(text, parts)
            : [.. text.Split(separator, parts, StringSplitOptions.None)];
    }

    /// <summary>Splits at a separator from the right.</summary>
    public static List<object?> SplitFromRight(string text, string separator, long limit)
    {
        var parts = new List<object?>();
        int end = text.Length;
        while (limit < 0 || parts.Count < limit)
        {
            int at = end < separator.Length ? -1 : text.LastIndexOf(separator, Math.Max(0, end - 1), end, StringComparison.Ordinal);
            if (at < 0)
                break;
            parts.Add(text[(at + separator.Length)..end]);
            end = at;
        }

        parts.Add(text[..end]);
        parts.Reverse();
        return parts;
    }

    /// <summary>Every word with a capital first letter and the rest small.</summary>
    public static string Title(string text)
    {
        var titled = new StringBuilder(text.Length);
        bool inWord = false;
        foreach (Rune rune in text.EnumerateRunes())
        {
            bool letter = Rune.IsLetter(rune);
            titled.Append(!letter ? rune : inWord ? Rune.ToLowerInvariant(rune) : Rune.ToUpperInvariant(rune));
            inWord = letter;
        }

        return titled.ToString();
    }

    /// <summary>A capital first letter and the rest small.</summary>
    public static string Capitalize(string text)
    {
        if (text.Length == 0)
            return text;
        int first = char.IsHighSurrogate(text[0]) && text.Length > 1 ? 2 : 1;
        return text[..first].ToUpperInvariant() + text[first..].ToLowerInvariant();
    }

    /// <summary>Replaces, at most <paramref name="limit"/> times where it is not negative.</summary>
    public static string Replace(string text, string find, string replacement, long limit)
    {
        if (limit < 0 && find.Length > 0)
            return text.Replace(find, replacement, StringComparison.Ordinal);
        var result = new StringBuilder(text.Length);
        int from = 0;
        for (int at = 0; limit != 0 && at <= text.Length && (at = text.IndexOf(find, at, StringComparison.Ordinal)) >= 0; limit--)
        {
            result.Append(text, from, at - from).Append(replacement);
            from = at + find.Length;
            at = Math.Max(from, at + 1);
        }

        return from <= text.Length ? result.Append(text, from, text.Length - from).ToString() : result.ToString();
    }

    /// <summary>Puts blanks before every line but the first, and before that too on request; empty lines stay empty.</summary>
    public static string Indent(string text, string blanks, bool first)
    {
        IEnumerable<string> lines = text.Split('\n')
            .Select((line, i) => (i == 0 ? first : line.Length > 0) ? blanks + line : line);
        return string.Join('\n', lines);
    }

    private static bool IsStripped(char c, string? characters) => characters?.Contains(c) ?? IsSpace(c);

    private static List<object?> SplitAtSpace(string text, int parts)
    {
        var words = new List<object?>();
        int at = 0;
        while (true)
        {
            while (at < text.Length && IsSpace(text[at]))
                at++;
            if (at == text.Length)
                return words;
            int start = at;
            if (words.Count + 1 == parts)
            {
                words.Add(text[start..]);
                return words;
            }

            while (at < text.Length && !IsSpace(text[at]))
                at++;
            words.Add(text[start..at]);
        }
    }
}
