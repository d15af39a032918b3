using System.Globalization;
using System.Text;

namespace MoA.Engine.Tokenization.Jinja;

/// <summary>The filter <c>tojson</c> as transformers defines it: Python's <c>json.dumps</c> with these arguments, nothing escaped for HTML.</summary>
internal sealed class JinjaJson
{
    private const int MaximumDepth = 100;

    private readonly JinjaArguments _arguments;
    private readonly bool _ensuresAscii;
    private readonly string? _indent;
    private readonly TracedText _itemSeparator;
    private readonly TracedText _keySeparator;
    private readonly bool _sorts;
    private readonly TracedTextBuilder _json = new();

    private JinjaJson(JinjaArguments arguments)
    {
        _arguments = arguments;
        object?[] bound = arguments.Bind(
            "tojson", ("ensure_ascii", false), ("indent", null), ("separators", null), ("sort_keys", false));
        _ensuresAscii = JinjaOperations.IsTrue(bound[0]);
        _indent = bound[1] switch
        {
            null => null,
            TracedText blanks => blanks.Text,
            object width => new string(' ', (int)Math.Clamp(arguments.Integer(width, "tojson: indent"), 0, 1000)),
        };
        (_itemSeparator, _keySeparator) = (new(_indent is null ? ", " : ","), new(": "));
        if (bound[2] is not null)
        {
            List<object?> pair = JinjaOperations.Collect(bound[2], arguments.Line, arguments.Budget);
            if (pair is not [TracedText item, TracedText key])
                throw arguments.Fail("tojson: separators are two texts");
            (_itemSeparator, _keySeparator) = (item, key);
        }

        _sorts = JinjaOperations.IsTrue(bound[3]);
    }

    public static TracedText Write(object? value, JinjaArguments arguments)
    {
        var writer = new JinjaJson(arguments);
        writer.Write(value, 0);
        return writer._json.ToText();
    }

    private void Write(object? value, int depth)
    {
        _arguments.Budget.Step(_arguments.Line);
        _arguments.Budget.Limit(_arguments.Line, _json.Length);
        if (depth > MaximumDepth)
            throw _arguments.Fail($"tojson: more than {MaximumDepth} levels deep");
        switch (value)
        {
            case TracedText text:
                WriteText(text);
                break;
            case JinjaList { Kind: JinjaListKind.List or JinjaListKind.Tuple or JinjaListKind.Group } list:
                WriteEntries('[', ']', list.Items, item => Write(item, depth + 1), depth);
                break;
            case JinjaMap map:
                WriteEntries('{', '}', Sorted(map), entry =>
                {
                    WriteText(KeyText(entry.Key));
                    _json.Append(_keySeparator);
                    Write(entry.Value, depth + 1);
                }, depth);
                break;
            default:
                _json.Append(Scalar(value) ?? throw _arguments.Fail($"tojson: {JinjaOperations.KindOf(value)} cannot be written as JSON"));
                break;
        }
    }

    private List<(object? Key, object? Value)> Sorted(JinjaMap map)
    {
        List<(object? Key, object? Value)> entries = [.. map.Entries];
        return _sorts ? JinjaItemFilters.Sorted(entries, entry => entry.Key, reverse: false, _arguments) : entries;
    }

    private TracedText KeyText(object? key) => key as TracedText
        ?? new TracedText(Scalar(key) ?? throw _arguments.Fail($"tojson: {JinjaOperations.KindOf(key)} cannot be a key of JSON"));

    private static string? Scalar(object? value) => value switch
    {
        null => "null",
        bool flag => flag ? "true" : "false",
        long number => number.ToString(CultureInfo.InvariantCulture),
        double number => double.IsNaN(number) ? "NaN"
            : double.IsInfinity(number) ? (number > 0 ? "Infinity" : "-Infinity")
            : JinjaFloat.Print(number),
        JinjaLongNumber number => number.Digits,
        _ => null,
    };

    private void WriteEntries<T>(char open, char close, List<T> entries, Action<T> write, int depth)
    {
        _json.Append(open);
        for (int i = 0; i < entries.Count; i++)
        {
            if (i > 0)
                _json.Append(_itemSeparator);
            BreakLine(depth + 1);
            write(entries[i]);
        }

        if (entries.Count > 0)
            BreakLine(depth);
        _json.Append(close);
    }

    private void BreakLine(int depth)
    {
        if (_indent is null)
            return;
        _json.Append("\n");
        _arguments.Budget.Work(_arguments.Line, (long)_indent.Length * depth);
        for (int i = 0; i < depth; i++)
            _json.Append(_indent);
    }

    private void WriteText(TracedText text)
    {
        _arguments.Budget.Work(_arguments.Line, text.Length);
        _json.Append("\"");
        foreach ((int start, int end, int origin) in text.Runs(0, text.Length))
            _json.Append(Escape(text.Text.AsSpan(start, end - start)), origin);
        _json.Append("\"");
    }

    private string Escape(ReadOnlySpan<char> text)
    {
        var escaped = new StringBuilder(text.Length);
        foreach (char c in text)
        {
            _ = c switch
            {
                '"' => escaped.Append("\\\""),
                '\\' => escaped.Append("\\\\"),
                '\n' => escaped.Append("\\n"),
                '\r' => escaped.Append("\\r"),
                '\t' => escaped.Append("\\t"),
                '\b' => escaped.Append("\\b"),
                '\f' => escaped.Append("\\f"),
                < ' ' => escaped.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}"),
                > '~' when _ensuresAscii => escaped.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}"),
                _ => escaped.Append(c),
            };
        }

        return escaped.ToString();
    }
}
