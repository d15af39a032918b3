using System.Globalization;
using System.Text;

namespace MoA.Engine.Tokenization.Jinja;

/// <summary>Writes values as JSON in the manner of Python's json.dumps, with characters outside ASCII as they are.</summary>
internal static class JinjaJson
{
    private const int MaximumDepth = 100;

    /// <param name="value">The value.</param>
    /// <param name="indent">Blanks per level with every entry on a line of its own; null for one line.</param>
    /// <param name="line">The line of the template, for errors.</param>
    public static string Write(object? value, int? indent, int line)
    {
        var json = new StringBuilder();
        Write(value, indent, 0, line, json);
        return json.ToString();
    }

    private static void Write(object? value, int? indent, int depth, int line, StringBuilder json)
    {
        if (depth > MaximumDepth)
            throw JinjaError.At(line, $"tojson: more than {MaximumDepth} levels deep");
        switch (value)
        {
            case null:
                json.Append("null");
                break;
            case bool flag:
                json.Append(flag ? "true" : "false");
                break;
            case long number:
                json.Append(number.ToString(CultureInfo.InvariantCulture));
                break;
            case double number:
                json.Append(JinjaOperations.PrintFloat(number));
                break;
            case string text:
                WriteText(text, json);
                break;
            case List<object?> list:
                WriteEntries('[', ']', list, item => Write(item, indent, depth + 1, line, json), indent, depth, json);
                break;
            case JinjaMap map:
                WriteEntries('{', '}', map, entry =>
                {
                    WriteText(entry.Key, json);
                    json.Append(": ");
                    Write(entry.Value, indent, depth + 1, line, json);
                }, indent, depth, json);
                break;
            default:
                throw JinjaError.At(line, $"tojson: {JinjaOperations.KindOf(value)} cannot be written as JSON");
        }
    }

    private static void WriteEntries<T>(
        char open, char close, IReadOnlyCollection<T> entries, Action<T> write, int? indent, int depth, StringBuilder json)
    {
        json.Append(open);
        bool first = true;
        foreach (T entry in entries)
        {
            if (!first)
                json.Append(indent is null ? ", " : ",");
            first = false;
            BreakLine(indent, depth + 1, json);
            write(entry);
        }

        if (!first)
            BreakLine(indent, depth, json);
        json.Append(close);
    }

    private static void BreakLine(int? indent, int depth, StringBuilder json)
    {
        if (indent is int blanks)
            json.Append('\n').Append(' ', blanks * depth);
    }

    private static void WriteText(string text, StringBuilder json)
    {
        json.Append('"');
        foreach (char c in text)
        {
            _ = c switch
            {
                '"' => json.Append("\\\""),
                '\\' => json.Append("\\\\"),
                '\n' => json.Append("\\n"),
                '\r' => json.Append("\\r"),
                '\t' => json.Append("\\t"),
                '\b' => json.Append("\\b"),
                '\f' => json.Append("\\f"),
                < ' ' => json.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}"),
                _ => json.Append(c),
            };
        }

        json.Append('"');
    }
}
