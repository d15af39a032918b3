using System.Text.RegularExpressions;

namespace MoA.Engine.Tokenization.Jinja;

/// <summary>The filter <c>wordwrap</c>: Python's textwrap on each line.</summary>
internal static partial class JinjaWordWrap
{
    public static TracedText Apply(object? value, JinjaArguments arguments)
    {
        object?[] bound = arguments.Bind(
            "wordwrap", ("width", 79L), ("break_long_words", true), ("wrapstring", null), ("break_on_hyphens", true));
        TracedText text = arguments.Text(value, "wordwrap");
        long width = arguments.Integer(bound[0], "wordwrap");
        if (width <= 0)
            throw arguments.Fail($"wordwrap: expected a width above 0, found {width}");
        TracedText between = bound[2] is null ? new TracedText("\n") : arguments.Text(bound[2], "wordwrap");
        bool breaksWords = JinjaOperations.IsTrue(bound[1]);
        bool breaksHyphens = JinjaOperations.IsTrue(bound[3]);
        IEnumerable<TracedText> lines = JinjaText.SplitLines(text, keepsEnds: false).Select(line => JinjaText.Join(
            Wrap((TracedText)line!, (int)Math.Min(width, int.MaxValue), breaksWords, breaksHyphens), between, arguments.Line, arguments.Budget));
        return JinjaText.Join(lines, between, arguments.Line, arguments.Budget);
    }

    private static List<TracedText> Wrap(TracedText line, int width, bool breaksWords, bool breaksHyphens)
    {
        Regex cut = breaksHyphens ? Words() : Runs();
        var chunks = new Stack<TracedText>(
            cut.Matches(line.Text).Select(match => line.Slice(match.Index, match.Index + match.Length)).Reverse());
        var lines = new List<TracedText>();
        while (chunks.Count > 0)
        {
            if (lines.Count > 0 && IsSpace(chunks.Peek()))
                chunks.Pop();
            var current = new List<TracedText>();
            int length = 0;
            while (chunks.Count > 0 && length + chunks.Peek().CodePoints <= width)
            {
                length += chunks.Peek().CodePoints;
                current.Add(chunks.Pop());
            }

            if (chunks.Count > 0 && chunks.Peek().CodePoints > width)
                TakeLongWord(chunks, current, width - length, breaksWords, breaksHyphens);
            if (current.Count > 0 && IsSpace(current[^1]))
                current.RemoveAt(current.Count - 1);
            if (current.Count > 0)
                lines.Add(current.Aggregate((left, right) => left + right));
        }

        return lines;
    }

    private static void TakeLongWord(Stack<TracedText> chunks, List<TracedText> current, int room, bool breaksWords, bool breaksHyphens)
    {
        if (!breaksWords)
        {
            if (current.Count == 0)
                current.Add(chunks.Pop());
            return;
        }

        TracedText chunk = chunks.Pop();
        int end = chunk.PositionOf(room);
        int hyphen = breaksHyphens ? chunk.Text.AsSpan(0, end).LastIndexOf('-') : -1;
        if (hyphen > 0 && chunk.Text.AsSpan(0, hyphen).ContainsAnyExcept('-'))
            end = hyphen + 1;
        current.Add(chunk.Slice(0, end));
        chunks.Push(chunk.Slice(end));
    }

    private static bool IsSpace(TracedText chunk) => chunk.Text.All(JinjaCharacters.IsSpace);

    // White space; a dash between words; a word up to a hyphen within it, white space or a dash.
    [GeneratedRegex("""
        [\t\n\v\f\r ]+
        | (?<=[\w!"'&.,?]) -{2,} (?=\w)
        | [^\t\n\v\f\r\ ]+? (?: -(?: (?<=[^\d\W]{2}-) | (?<=[^\d\W]-[\w!"'&.,?]-)) (?= [^\d\W] -? [^\d\W]) | (?=[\t\n\v\f\r\ ]|\z) | (?<=[\w!"'&.,?]) (?=-{2,}\w) )
        """, RegexOptions.IgnorePatternWhitespace | RegexOptions.CultureInvariant)]
    private static partial Regex Words();

    [GeneratedRegex("""[\t\n\v\f\r ]+|[^\t\n\v\f\r ]+""", RegexOptions.CultureInvariant)]
    private static partial Regex Runs();
}
