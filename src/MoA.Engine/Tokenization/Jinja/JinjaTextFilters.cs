using System.Text;

namespace MoA.Engine.Tokenization.Jinja;

/// <summary>The filters on texts.</summary>
internal static class JinjaTextFilters
{
    /// <summary>A filter without arguments on what a value prints as.</summary>
    public static Func<object?, JinjaArguments, object?> Simple(string name, Func<TracedText, TracedText> apply) => (value, arguments) =>
    {
        arguments.Bind(name);
        TracedText text = Print(value, arguments);
        return name == "title" ? apply(text) : JinjaSlice.Like(text, apply(text));
    };

    public static TracedText Escape(object? value, JinjaArguments arguments)
    {
        arguments.Bind("escape");
        return value as JinjaMarkup ?? new JinjaMarkup(Escape(Print(value, arguments)));
    }

    public static TracedText ForceEscape(object? value, JinjaArguments arguments)
    {
        arguments.Bind("forceescape");
        return new JinjaMarkup(Escape(Print(value, arguments), force: true));
    }

    public static TracedText Safe(object? value, JinjaArguments arguments)
    {
        arguments.Bind("safe");
        return new JinjaMarkup(Print(value, arguments));
    }

    /// <summary>The text with <c>&amp; &lt; &gt; ' "</c> written for HTML; one that is marked safe as it is.</summary>
    public static TracedText Escape(TracedText text, bool force = false)
    {
        if (text is JinjaMarkup && !force)
            return text;
        var escaped = new TracedTextBuilder();
        for (int i = 0; i < text.Length; i++)
        {
            string? entity = text.Text[i] switch { '&' => "&amp;", '<' => "&lt;", '>' => "&gt;", '\'' => "&#39;", '"' => "&#34;", _ => null };
            if (entity is null)
                escaped.Append(text.Text[i], text.OriginAt(i));
            else
                escaped.Append(entity, text.OriginAt(i));
        }

        return escaped.ToText();
    }

    public static TracedText Trim(object? value, JinjaArguments arguments)
    {
        object? characters = arguments.Bind("trim", ("chars", null))[0];
        TracedText text = Print(value, arguments);
        TracedText? set = characters is null ? null : arguments.Text(characters, "trim");
        return JinjaSlice.Like(text, JinjaText.Strip(text, set, left: true, right: true));
    }

    public static TracedText Replace(object? value, JinjaArguments arguments)
    {
        object?[] bound = arguments.Bind("replace", ("s_old", JinjaArguments.Required), ("s_new", JinjaArguments.Required), ("count", null));
        return JinjaText.Replace(
            Print(value, arguments), Print(bound[0], arguments), Print(bound[1], arguments),
            bound[2] is null ? -1 : arguments.Integer(bound[2], "replace"), arguments.Line, arguments.Budget);
    }

    public static TracedText Center(object? value, JinjaArguments arguments)
    {
        long width = arguments.Integer(arguments.Bind("center", ("width", 80L))[0], "center");
        TracedText text = Print(value, arguments);
        return JinjaSlice.Like(text, JinjaText.Pad(text, width, new TracedText(" "), before: 0.5, arguments.Line, arguments.Budget));
    }

    public static TracedText Format(object? value, JinjaArguments arguments)
    {
        if (arguments.Positional.Count > 0 && arguments.Named.Count > 0)
            throw arguments.Fail("format: arguments with and without names are mixed");
        var named = new JinjaMap();
        foreach ((string name, object? argument) in arguments.Named)
            named[name] = argument;
        object values = arguments.Named.Count > 0 ? named : JinjaList.Tuple(arguments.Positional);
        return JinjaPercentFormat.Format(Print(value, arguments), values, arguments.Line, arguments.Budget);
    }

    /// <summary>A capital at the start and behind white space, hyphens and opening brackets, the rest small.</summary>
    public static TracedText Title(TracedText text)
    {
        var titled = new TracedTextBuilder();
        for (int from = 0; from < text.Length;)
        {
            int end = from;
            bool divides = Divides(text.Text[from]);
            while (end < text.Length && Divides(text.Text[end]) == divides)
                end++;
            int second = from + text.WidthAt(from);
            titled.Append(JinjaCharacters.Upper(text.Slice(from, second))).Append(JinjaCharacters.Lower(text.Slice(second, end)));
            from = end;
        }

        return titled.ToText();

        static bool Divides(char c) => c is '-' or '(' or '{' or '[' or '<' || JinjaCharacters.IsSpace(c);
    }

    public static TracedText Indent(object? value, JinjaArguments arguments)
    {
        object?[] bound = arguments.Bind("indent", ("width", 4L), ("first", false), ("blank", false));
        TracedText text = arguments.Text(value, "indent");
        TracedText blanks = bound[0] as TracedText
            ?? new TracedText(new string(' ', (int)Math.Clamp(arguments.Integer(bound[0], "indent"), 0, 1_000_000)));
        bool indentsBlank = JinjaOperations.IsTrue(bound[2]);
        List<object?> lines = JinjaText.SplitLines(text + new TracedText("\n"), keepsEnds: false);
        arguments.Budget.Work(arguments.Line, text.Length + (long)lines.Count * blanks.Length);
        var indented = new TracedTextBuilder();
        for (int i = 0; i < lines.Count; i++)
        {
            var line = (TracedText)lines[i]!;
            if (i > 0)
                indented.Append("\n");
            if (i == 0 ? JinjaOperations.IsTrue(bound[1]) : indentsBlank || line.Length > 0)
                indented.Append(blanks);
            indented.Append(line);
        }

        return JinjaSlice.Like(text, indented.ToText());
    }

    public static object? Truncate(object? value, JinjaArguments arguments)
    {
        object?[] bound = arguments.Bind(
            "truncate", ("length", 255L), ("killwords", false), ("end", new TracedText("...")), ("leeway", null));
        TracedText end = arguments.Text(bound[2], "truncate");
        long length = arguments.Integer(bound[0], "truncate");
        long leeway = bound[3] is null ? 5 : arguments.Integer(bound[3], "truncate");
        if (length < end.CodePoints || leeway < 0)
            throw arguments.Fail($"truncate: expected a length of {end.CodePoints} at least and no negative leeway, found {length} and {leeway}");
        if (JinjaOperations.Length(value, arguments.Line) <= length + leeway)
            return value;
        TracedText text = arguments.Text(value, "truncate");
        TracedText kept = text.Slice(0, text.PositionOf((int)(length - end.CodePoints)));
        if (!JinjaOperations.IsTrue(bound[1]) && kept.Text.LastIndexOf(' ') is >= 0 and int space)
            kept = kept.Slice(0, space);
        return kept + end;
    }

    public static object WordCount(object? value, JinjaArguments arguments)
    {
        arguments.Bind("wordcount");
        long words = 0;
        bool inWord = false;
        foreach (Rune rune in Print(value, arguments).Text.EnumerateRunes())
        {
            bool isWord = rune.Value == '_' || JinjaCharacters.IsAlpha(rune) || JinjaCharacters.IsNumeric(rune);
            words += isWord && !inWord ? 1 : 0;
            inWord = isWord;
        }

        return words;
    }

    public static TracedText UrlEncode(object? value, JinjaArguments arguments)
    {
        arguments.Bind("urlencode");
        if (value is TracedText || !JinjaOperations.IsIterable(value))
            return Quote(Print(value, arguments), forQuery: false, arguments);
        IEnumerable<object?> pairs = value is JinjaMap map ? JinjaAttributes.Pairs(map) : JinjaOperations.Items(value, arguments.Line);
        IEnumerable<TracedText> parts = pairs.Select(pair =>
        {
            List<object?> parts = JinjaOperations.Collect(pair, arguments.Line, arguments.Budget);
            if (parts.Count != 2)
                throw arguments.Fail("urlencode: expected pairs");
            return Quote(Print(parts[0], arguments), forQuery: true, arguments) + new TracedText("=")
                + Quote(Print(parts[1], arguments), forQuery: true, arguments);
        });
        return JinjaText.Join(parts, new TracedText("&"), arguments.Line, arguments.Budget);
    }

    private static TracedText Quote(TracedText text, bool forQuery, JinjaArguments arguments)
    {
        arguments.Budget.Work(arguments.Line, 4L * text.Length);
        var quoted = new TracedTextBuilder();
        foreach (TracedText character in text.Characters())
        {
            char c = character.Text[0];
            if (char.IsAsciiLetterOrDigit(c) || c is '_' or '.' or '-' or '~' || (c == '/' && !forQuery))
                quoted.Append(character);
            else if (c == ' ' && forQuery)
                quoted.Append("+", character.OriginAt(0));
            else
                quoted.Append(string.Concat(Encoding.UTF8.GetBytes(character.Text).Select(b => $"%{b:X2}")), character.OriginAt(0));
        }

        return quoted.ToText();
    }

    private static TracedText Print(object? value, JinjaArguments arguments) =>
        JinjaPrinter.Print(value, arguments.Line, arguments.Budget);
}
