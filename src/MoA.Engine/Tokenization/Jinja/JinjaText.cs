using System.Buffers;

namespace MoA.Engine.Tokenization.Jinja;

/// <summary>Operations on texts as Python's str does them.</summary>
internal static class JinjaText
{
    private static readonly SearchValues<char> LineEnds = SearchValues.Create("\n\r\v\f\u001C\u001D\u001E\u0085\u2028\u2029");

    /// <summary>Removes white space, or the characters of a set, from one or both ends.</summary>
    public static TracedText Strip(TracedText text, TracedText? characters, bool left, bool right)
    {
        int start = 0;
        int end = text.Length;
        while (left && start < end && IsStripped(text, start, text.WidthAt(start), characters))
            start += text.WidthAt(start);
        while (right && end > start && IsStripped(text, end - WidthBefore(text, end), WidthBefore(text, end), characters))
            end -= WidthBefore(text, end);
        return text.Slice(start, end);
    }

    /// <summary>Splits at a separator, or at runs of white space, at most <paramref name="limit"/> times where it is not negative.</summary>
    public static List<object?> Split(TracedText text, TracedText? separator, long limit)
    {
        var parts = new List<object?>();
        int from = 0;
        while (limit < 0 || parts.Count < limit)
        {
            from = separator is null ? SkipSpace(text, from) : from;
            if (separator is null && from == text.Length)
                return parts;
            int at = separator is null ? SpaceFrom(text, from) : text.Text.IndexOf(separator.Text, from, StringComparison.Ordinal);
            if (at < 0)
                break;
            parts.Add(text.Slice(from, at));
            from = separator is null ? at : at + separator.Length;
        }

        if (separator is null)
            from = SkipSpace(text, from);
        if (separator is not null || from < text.Length)
            parts.Add(text.Slice(from));
        return parts;
    }

    /// <summary>Splits from the right.</summary>
    public static List<object?> SplitFromRight(TracedText text, TracedText? separator, long limit)
    {
        var parts = new List<object?>();
        int end = text.Length;
        while (limit < 0 || parts.Count < limit)
        {
            if (separator is null)
            {
                end = SpaceStart(text, end);
                if (end == 0)
                    break;
            }

            int start = separator is null ? WordStart(text, end) : EndOfLast(text, separator, end);
            if (start < 0)
                break;
            parts.Add(text.Slice(start, end));
            end = separator is null ? start : start - separator.Length;
        }

        if (separator is null)
            end = SpaceStart(text, end);
        if (separator is not null || end > 0)
            parts.Add(text.Slice(0, end));
        parts.Reverse();
        return parts;
    }

    /// <summary>The lines, without their ends or with them.</summary>
    public static List<object?> SplitLines(TracedText text, bool keepsEnds)
    {
        var lines = new List<object?>();
        for (int from = 0; from < text.Length;)
        {
            int end = text.Text.AsSpan(from).IndexOfAny(LineEnds);
            end = end < 0 ? text.Length : from + end;
            int next = end == text.Length ? end : end + (text.Text.AsSpan(end).StartsWith("\r\n") ? 2 : 1);
            lines.Add(text.Slice(from, keepsEnds ? next : end));
            from = next;
        }

        return lines;
    }

    /// <summary>What is before the first (or last) separator, the separator, and what is after it.</summary>
    public static JinjaList Partition(TracedText text, TracedText separator, bool fromRight)
    {
        int at = fromRight
            ? EndOfLast(text, separator, text.Length) - separator.Length
            : text.Text.IndexOf(separator.Text, StringComparison.Ordinal);
        if (at < 0)
            return fromRight ? JinjaList.Tuple(TracedText.Empty, TracedText.Empty, text) : JinjaList.Tuple(text, TracedText.Empty, TracedText.Empty);
        return JinjaList.Tuple(text.Slice(0, at), separator, text.Slice(at + separator.Length));
    }

    /// <summary>Replaces, at most <paramref name="limit"/> times where it is not negative.</summary>
    public static TracedText Replace(TracedText text, TracedText find, TracedText replacement, long limit, int line, JinjaBudget budget)
    {
        var result = new TracedTextBuilder();
        int from = 0;
        for (int at = 0; limit != 0 && at <= text.Length; limit--)
        {
            at = text.Text.IndexOf(find.Text, at, StringComparison.Ordinal);
            if (at < 0)
                break;
            result.Append(text, from, at).Append(replacement);
            budget.Work(line, replacement.Length);
            budget.Limit(line, result.Length);
            from = at + find.Length;
            at = find.Length > 0 ? from : at < text.Length ? at + text.WidthAt(at) : at + 1;
        }

        return result.Append(text, from, text.Length).ToText();
    }

    public static TracedText Join(IEnumerable<TracedText> parts, TracedText separator, int line, JinjaBudget budget)
    {
        var joined = new TracedTextBuilder();
        bool first = true;
        foreach (TracedText part in parts)
        {
            budget.Work(line, (long)part.Length + separator.Length);
            if (!first)
                joined.Append(separator);
            first = false;
            joined.Append(part);
            budget.Limit(line, joined.Length);
        }

        return joined.ToText();
    }

    /// <summary>Puts fill characters around a text: before it, behind it, or both.</summary>
    public static TracedText Pad(TracedText text, long width, TracedText fill, double before, int line, JinjaBudget budget)
    {
        long missing = Math.Max(0, width) - text.CodePoints;
        if (missing <= 0)
            return text;
        budget.Work(line, width);

        // Python's centring puts the odd one before where the width is odd.
        long ahead = before == 0.5 ? missing / 2 + (missing & width & 1) : (long)(missing * before);
        var padded = new TracedTextBuilder();
        for (long i = 0; i < ahead; i++)
            padded.Append(fill);
        padded.Append(text);
        for (long i = ahead; i < missing; i++)
            padded.Append(fill);
        return padded.ToText();
    }

    /// <summary>The place behind the last separator that ends by <paramref name="end"/>; -1 where there is none.</summary>
    private static int EndOfLast(TracedText text, TracedText separator, int end)
    {
        int at = text.Text.AsSpan(0, end).LastIndexOf(separator.Text, StringComparison.Ordinal);
        return at < 0 ? -1 : at + separator.Length;
    }

    private static int WidthBefore(TracedText text, int end) =>
        end >= 2 && char.IsSurrogatePair(text.Text[end - 2], text.Text[end - 1]) ? 2 : 1;

    private static bool IsStripped(TracedText text, int at, int width, TracedText? characters)
    {
        if (characters is null)
            return JinjaCharacters.IsSpace(text.Text[at]);
        return width == 1
            ? characters.Text.Contains(text.Text[at])
            : characters.Text.Contains(text.Text.Substring(at, width), StringComparison.Ordinal);
    }

    private static int SkipSpace(TracedText text, int at)
    {
        while (at < text.Length && JinjaCharacters.IsSpace(text.Text[at]))
            at++;
        return at;
    }

    private static int SpaceFrom(TracedText text, int at)
    {
        while (at < text.Length && !JinjaCharacters.IsSpace(text.Text[at]))
            at++;
        return at;
    }

    private static int SpaceStart(TracedText text, int end)
    {
        while (end > 0 && JinjaCharacters.IsSpace(text.Text[end - 1]))
            end--;
        return end;
    }

    private static int WordStart(TracedText text, int end)
    {
        while (end > 0 && !JinjaCharacters.IsSpace(text.Text[end - 1]))
            end--;
        return end;
    }
}
