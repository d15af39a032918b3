using System.Text;

namespace MoA.Engine.Tokenization.Jinja;

/// <summary>The methods of Python's str.</summary>
internal static class JinjaTextMethods
{
    private static readonly Dictionary<string, Func<TracedText, JinjaArguments, object?>> Methods = new()
    {
        ["strip"] = (text, a) => JinjaText.Strip(text, Characters(a, "strip"), left: true, right: true),
        ["lstrip"] = (text, a) => JinjaText.Strip(text, Characters(a, "lstrip"), left: true, right: false),
        ["rstrip"] = (text, a) => JinjaText.Strip(text, Characters(a, "rstrip"), left: false, right: true),
        ["upper"] = (text, a) => None(a, "upper", JinjaCharacters.Upper(text)),
        ["lower"] = (text, a) => None(a, "lower", JinjaCharacters.Lower(text)),
        ["title"] = (text, a) => None(a, "title", JinjaCharacters.Title(text)),
        ["capitalize"] = (text, a) => None(a, "capitalize", JinjaCharacters.Capitalize(text)),
        ["swapcase"] = (text, a) => None(a, "swapcase", JinjaCharacters.SwapCase(text)),
        ["isalpha"] = (text, a) => None(a, "isalpha", All(text, JinjaCharacters.IsAlpha)),
        ["isalnum"] = (text, a) => None(a, "isalnum", All(text, rune => JinjaCharacters.IsAlpha(rune) || JinjaCharacters.IsNumeric(rune))),
        ["isdigit"] = (text, a) => None(a, "isdigit", All(text, JinjaCharacters.IsDigit)),
        ["isdecimal"] = (text, a) => None(a, "isdecimal", All(text, JinjaCharacters.IsDecimal)),
        ["isnumeric"] = (text, a) => None(a, "isnumeric", All(text, JinjaCharacters.IsNumeric)),
        ["isspace"] = (text, a) => None(a, "isspace", All(text, rune => rune.IsBmp && JinjaCharacters.IsSpace((char)rune.Value))),
        ["isascii"] = (text, a) => None(a, "isascii", text.Text.All(char.IsAscii)),
        ["isprintable"] = (text, a) => None(a, "isprintable", text.Length == 0 || All(text, JinjaCharacters.IsPrintable)),
        ["islower"] = (text, a) => None(a, "islower", IsLower(text)),
        ["isupper"] = (text, a) => None(a, "isupper", IsUpper(text)),
        ["istitle"] = (text, a) => None(a, "istitle", IsTitle(text)),
        ["startswith"] = (text, a) => Affixes(text, a, "startswith", (part, affix) => part.StartsWith(affix, StringComparison.Ordinal)),
        ["endswith"] = (text, a) => Affixes(text, a, "endswith", (part, affix) => part.EndsWith(affix, StringComparison.Ordinal)),
        ["removeprefix"] = (text, a) =>
            One(a, "removeprefix") is var prefix && text.Text.StartsWith(prefix.Text, StringComparison.Ordinal) ? text.Slice(prefix.Length) : text,
        ["removesuffix"] = (text, a) => One(a, "removesuffix") is { Length: > 0 } suffix && text.Text.EndsWith(suffix.Text, StringComparison.Ordinal)
            ? text.Slice(0, text.Length - suffix.Length) : text,
        ["split"] = (text, a) => Split(text, a, "split", JinjaText.Split),
        ["rsplit"] = (text, a) => Split(text, a, "rsplit", JinjaText.SplitFromRight),
        ["splitlines"] = (text, a) =>
            JinjaList.Of(JinjaText.SplitLines(text, JinjaOperations.IsTrue(a.Bind("splitlines", ("keepends", false))[0]))),
        ["partition"] = (text, a) => JinjaText.Partition(text, Separator(One(a, "partition"), a, "partition"), fromRight: false),
        ["rpartition"] = (text, a) => JinjaText.Partition(text, Separator(One(a, "rpartition"), a, "rpartition"), fromRight: true),
        ["replace"] = Replace,
        ["find"] = (text, a) => Position(text, a, "find", fromRight: false),
        ["rfind"] = (text, a) => Position(text, a, "rfind", fromRight: true),
        ["index"] = (text, a) => Found(Position(text, a, "index", fromRight: false), a, "index"),
        ["rindex"] = (text, a) => Found(Position(text, a, "rindex", fromRight: true), a, "rindex"),
        ["count"] = Count,
        ["join"] = (text, a) => JinjaText.Join(
            JinjaOperations.Items(a.Bind("join", ("iterable", JinjaArguments.Required))[0], a.Line).Select(item => a.Text(item, "join")),
            text, a.Line, a.Budget),
        ["center"] = (text, a) => Pad(text, a, "center", before: 0.5),
        ["ljust"] = (text, a) => Pad(text, a, "ljust", before: 0),
        ["rjust"] = (text, a) => Pad(text, a, "rjust", before: 1),
        ["zfill"] = FillZeros,
        ["expandtabs"] = ExpandTabs,
        ["format"] = (text, a) => JinjaBraceFormat.Format(text, a),
        ["format_map"] = (text, a) => a.Bind("format_map", ("mapping", JinjaArguments.Required))[0] is JinjaMap map
            ? JinjaBraceFormat.Format(text, new([], Named(map, a), a.Line, a.Budget)) : throw a.Fail("format_map: expected a dictionary"),
    };

    // Methods of Python's str that are refused by name rather than read as undefined.
    private static readonly HashSet<string> Refused = ["casefold", "encode", "isidentifier", "maketrans", "translate"];

    /// <summary>The method of a text; null where str has none of that name.</summary>
    public static JinjaFunction? Find(TracedText text, string name)
    {
        if (Refused.Contains(name))
            return new(name, arguments => throw arguments.Fail($"the method '{name}' is not supported"));
        return !Methods.TryGetValue(name, out Func<TracedText, JinjaArguments, object?>? method) ? null : new(name, arguments =>
        {
            arguments.Budget.Work(arguments.Line, text.Length);
            object? result = method(text, arguments);
            if (result is JinjaList list)
                arguments.Budget.Steps(arguments.Line, list.Count);
            return text is JinjaMarkup ? Mark(result) : result;
        });
    }

    // What a text that is marked safe is made into stays marked.
    private static object? Mark(object? result) => result switch
    {
        TracedText text => new JinjaMarkup(text),
        JinjaList list => list with { Items = list.Items.ConvertAll(Mark) },
        _ => result,
    };

    public static bool IsLower(TracedText text) =>
        text.Text.EnumerateRunes().All(rune => !JinjaCharacters.IsUpper(rune) && !JinjaCharacters.IsTitle(rune))
        && text.Text.EnumerateRunes().Any(JinjaCharacters.IsLower);

    public static bool IsUpper(TracedText text) =>
        text.Text.EnumerateRunes().All(rune => !JinjaCharacters.IsLower(rune) && !JinjaCharacters.IsTitle(rune))
        && text.Text.EnumerateRunes().Any(JinjaCharacters.IsUpper);

    private static bool IsTitle(TracedText text)
    {
        bool inWord = false;
        bool isTitle = false;
        foreach (Rune rune in text.Text.EnumerateRunes())
        {
            bool opens = JinjaCharacters.IsUpper(rune) || JinjaCharacters.IsTitle(rune);
            if (opens ? inWord : JinjaCharacters.IsLower(rune) && !inWord)
                return false;
            inWord = opens || JinjaCharacters.IsLower(rune);
            isTitle |= inWord;
        }

        return isTitle;
    }

    private static bool All(TracedText text, Func<Rune, bool> holds) => text.Length > 0 && text.Text.EnumerateRunes().All(holds);

    private static object None(JinjaArguments arguments, string name, object result)
    {
        arguments.Bind(name);
        return result;
    }

    private static TracedText One(JinjaArguments arguments, string name) =>
        arguments.Text(arguments.Bind(name, ("text", JinjaArguments.Required))[0], name);

    private static TracedText? Characters(JinjaArguments arguments, string name) =>
        arguments.Bind(name, ("chars", null))[0] is { } set ? arguments.Text(set, name) : null;

    private static TracedText Separator(TracedText separator, JinjaArguments arguments, string name) =>
        separator.Length > 0 ? separator : throw arguments.Fail($"{name}: the separator is empty");

    private static JinjaList Split(
        TracedText text, JinjaArguments arguments, string name, Func<TracedText, TracedText?, long, List<object?>> split)
    {
        object?[] bound = arguments.Bind(name, ("sep", null), ("maxsplit", -1L));
        TracedText? separator = bound[0] is null ? null : Separator(arguments.Text(bound[0], name), arguments, name);
        List<object?> parts = split(text, separator, arguments.Integer(bound[1], name));
        return JinjaList.Of(parts);
    }

    private static TracedText Replace(TracedText text, JinjaArguments arguments)
    {
        object?[] bound = arguments.Bind("replace", ("old", JinjaArguments.Required), ("new", JinjaArguments.Required), ("count", -1L));
        return JinjaText.Replace(
            text, arguments.Text(bound[0], "replace"), arguments.Text(bound[1], "replace"),
            arguments.Integer(bound[2], "replace"), arguments.Line, arguments.Budget);
    }

    // The part of the text between two code points, as find, count and startswith take it; null where it begins past the end.
    private static (int Start, int End)? Range(TracedText text, object? start, object? stop, JinjaArguments arguments, string name)
    {
        long count = text.CodePoints;
        long from = Place(start, 0);
        long to = Place(stop, count);
        return from > count || from > to ? null : (text.PositionOf((int)from), text.PositionOf((int)Math.Min(to, count)));

        long Place(object? bound, long missing)
        {
            long at = bound is null ? missing : arguments.Integer(bound, name);
            return at < 0 ? Math.Max(0, at + count) : Math.Min(at, count + 1);
        }
    }

    private static bool Affixes(TracedText text, JinjaArguments arguments, string name, Func<string, string, bool> fits)
    {
        object?[] bound = arguments.Bind(name, ("affix", JinjaArguments.Required), ("start", null), ("end", null));
        List<object?> affixes = bound[0] is JinjaList { IsTuple: true } tuple ? tuple.Items : [bound[0]];
        if (bound[1] is null && bound[2] is null)
            return affixes.Exists(affix => fits(text.Text, arguments.Text(affix, name).Text));
        return Range(text, bound[1], bound[2], arguments, name) is (int start, int end)
            && affixes.Exists(affix => fits(text.Text[start..end], arguments.Text(affix, name).Text));
    }

    private static long Position(TracedText text, JinjaArguments arguments, string name, bool fromRight)
    {
        object?[] bound = arguments.Bind(name, ("sub", JinjaArguments.Required), ("start", null), ("end", null));
        string part = arguments.Text(bound[0], name).Text;
        if (Range(text, bound[1], bound[2], arguments, name) is not (int start, int end))
            return -1;
        ReadOnlySpan<char> range = text.Text.AsSpan(start, end - start);
        int at = !fromRight ? range.IndexOf(part, StringComparison.Ordinal)
            : part.Length == 0 ? range.Length : range.LastIndexOf(part, StringComparison.Ordinal);
        return at < 0 ? -1 : text.CodePointsBefore(start + at);
    }

    private static long Found(long position, JinjaArguments arguments, string name) =>
        position >= 0 ? position : throw arguments.Fail($"{name}: the part is not in the text");

    private static object Count(TracedText text, JinjaArguments arguments)
    {
        object?[] bound = arguments.Bind("count", ("sub", JinjaArguments.Required), ("start", null), ("end", null));
        string part = arguments.Text(bound[0], "count").Text;
        if (Range(text, bound[1], bound[2], arguments, "count") is not (int start, int end))
            return 0L;
        TracedText range = text.Slice(start, end);
        return part.Length == 0 ? range.CodePoints + 1L : range.Text.AsSpan().Count(part);
    }

    private static TracedText Pad(TracedText text, JinjaArguments arguments, string name, double before)
    {
        object?[] bound = arguments.Bind(name, ("width", JinjaArguments.Required), ("fillchar", new TracedText(" ")));
        TracedText fill = arguments.Text(bound[1], name);
        if (fill.CodePoints != 1)
            throw arguments.Fail($"{name}: the fill character is one character");
        return JinjaText.Pad(text, arguments.Integer(bound[0], name), fill, before, arguments.Line, arguments.Budget);
    }

    private static TracedText FillZeros(TracedText text, JinjaArguments arguments)
    {
        long width = Math.Max(0, arguments.Integer(arguments.Bind("zfill", ("width", JinjaArguments.Required))[0], "zfill"));
        int sign = text.Length > 0 && text.Text[0] is '+' or '-' ? 1 : 0;
        TracedText padded = JinjaText.Pad(text.Slice(sign), width - sign, new TracedText("0"), before: 1, arguments.Line, arguments.Budget);
        return text.Slice(0, sign) + padded;
    }

    private static TracedText ExpandTabs(TracedText text, JinjaArguments arguments)
    {
        long width = arguments.Integer(arguments.Bind("expandtabs", ("tabsize", 8L))[0], "expandtabs");
        var expanded = new TracedTextBuilder();
        long column = 0;
        foreach (TracedText character in text.Characters())
        {
            if (character.Text == "\t")
            {
                long blanks = width > 0 ? width - column % width : 0;
                arguments.Budget.Work(arguments.Line, blanks);
                arguments.Budget.Limit(arguments.Line, expanded.Length + blanks);
                expanded.Append(new string(' ', (int)blanks));
                column += blanks;
                continue;
            }

            expanded.Append(character);
            column = character.Text is "\n" or "\r" ? 0 : column + 1;
        }

        return expanded.ToText();
    }

    private static OrderedDictionary<string, object?> Named(JinjaMap map, JinjaArguments arguments)
    {
        var named = new OrderedDictionary<string, object?>();
        foreach ((object? key, object? value) in map.Entries)
            named[arguments.Text(key, "format_map").Text] = value;
        return named;
    }
}
